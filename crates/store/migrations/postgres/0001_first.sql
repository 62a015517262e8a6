-- What the SQL of both databases needs and PostgreSQL names otherwise: SQLite's clock, in seconds since 1970.
CREATE FUNCTION unixepoch(modifier TEXT) RETURNS DOUBLE PRECISION LANGUAGE SQL VOLATILE
    RETURN EXTRACT(EPOCH FROM clock_timestamp());

-- Instants are microseconds since 1970 UTC, days are days since 1970, ids are 36-character UUIDs in lower case.
-- Enumerations hold the words of the wire. A tenant's `no` is never reused, and also its numeric v1 id.

-- The acceptance number: counted up inside the transaction of every accepted change, so that numbers become visible in order.
-- batches counts the transactions that wrote meters: a process that remembers meters sees by it whether another wrote.
CREATE TABLE acceptance (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL,
    batches BIGINT NOT NULL
);
INSERT INTO acceptance (one, seq, batches) VALUES (1, 0, 0);

-- open_day: the first day that still takes current readings. frozen_day: the first day that no segment holds yet; from
-- midnight until the segments are built it lags behind. Neither goes back.
CREATE TABLE day_close (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    open_day BIGINT NOT NULL,
    frozen_day BIGINT NOT NULL
);

-- The newest acceptance number of each day that is over: what was known on it. Days on which no server ran have no row.
CREATE TABLE day_numbers (
    day BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- The one change log: what a report prints or filters by, over two time axes (valid_from day, seq). It is the audit log too.
CREATE TABLE changes (
    seq BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    tenant_no BIGINT NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    old_value TEXT COLLATE "C",
    new_value TEXT COLLATE "C",
    valid_from BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    PRIMARY KEY (seq, ordinal)
);
CREATE INDEX changes_of_tenant ON changes (tenant_no, valid_from);
CREATE INDEX changes_of_field ON changes (object, field, valid_from);

CREATE TABLE tenants (
    no BIGINT PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    -- Can be deferred, so that tenants can be copied in any order.
    parent_no BIGINT NOT NULL REFERENCES tenants (no) DEFERRABLE,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    contact_id TEXT COLLATE "C" NOT NULL,
    customer_type TEXT COLLATE "C" NOT NULL,
    enabled BIGINT NOT NULL,
    customer_id TEXT COLLATE "C",
    internal_tag TEXT COLLATE "C",
    language TEXT COLLATE "C" NOT NULL,
    owner_id TEXT COLLATE "C",
    default_idp_id TEXT COLLATE "C" NOT NULL,
    update_lock_owner_id TEXT COLLATE "C",
    ancestral_access BIGINT NOT NULL,
    enhanced_security BIGINT NOT NULL,
    external_operation TEXT COLLATE "C" NOT NULL,
    pricing_mode TEXT COLLATE "C" NOT NULL,
    pricing_switched_at BIGINT,
    pricing_version BIGINT NOT NULL,
    currency TEXT COLLATE "C",
    billing_day BIGINT NOT NULL,
    billing_mode TEXT COLLATE "C" NOT NULL,
    usage_calculation_mode TEXT COLLATE "C" NOT NULL,
    billing_version BIGINT NOT NULL
);
CREATE INDEX tenants_of_parent ON tenants (parent_no, kind);
-- The children that lists show: a customer has as many personal tenants as users, and has_children must not walk them.
CREATE INDEX tenants_shown ON tenants (parent_no) WHERE deleted_at IS NULL AND owner_id IS NULL;

-- Which ranges of 4,096 tenant numbers are in use, whose, and the next number of each. owner_no 0: shared by all small
-- channels. Rows stay for ever, so no number comes twice. Number 0 is nobody's.
CREATE TABLE number_ranges (
    range_no BIGINT PRIMARY KEY,
    owner_no BIGINT NOT NULL,
    next_no BIGINT NOT NULL
);
CREATE INDEX number_ranges_of_owner ON number_ranges (owner_no, range_no);
INSERT INTO number_ranges (range_no, owner_no, next_no) VALUES (0, 0, 1);

-- The tree of each range of tenants over time, packed, as known at seq: a copy that saves reading the tenants and the log.
CREATE TABLE tree_blocks (
    range_no BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);

-- Every tenant with every tenant above it, itself included at depth 0. Deleted tenants stay, as reports still need them.
-- walls: how many tenants with ancestral_access false stand strictly above tenant_no and strictly below ancestor_no.
CREATE TABLE closure (
    ancestor_no BIGINT NOT NULL REFERENCES tenants (no),
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    depth BIGINT NOT NULL,
    walls BIGINT NOT NULL,
    PRIMARY KEY (ancestor_no, tenant_no)
);
CREATE INDEX closure_up ON closure (tenant_no, depth);

-- A tenant's legal contact (tenants.contact_id) and its further ones carry tenant_no; a user's carries none. Deferred, as
-- a tenant and its legal contact name each other.
CREATE TABLE contacts (
    id TEXT COLLATE "C" PRIMARY KEY,
    tenant_no BIGINT REFERENCES tenants (no) DEFERRABLE INITIALLY DEFERRED,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    types TEXT COLLATE "C" NOT NULL,
    email_confirmed BIGINT,
    email TEXT COLLATE "C", firstname TEXT COLLATE "C", lastname TEXT COLLATE "C", address1 TEXT COLLATE "C", address2 TEXT COLLATE "C", country TEXT COLLATE "C", state TEXT COLLATE "C", city TEXT COLLATE "C",
    zipcode TEXT COLLATE "C", phone TEXT COLLATE "C", title TEXT COLLATE "C", website TEXT COLLATE "C", industry TEXT COLLATE "C", organization_size TEXT COLLATE "C", aan TEXT COLLATE "C", fax TEXT COLLATE "C",
    language TEXT COLLATE "C"
);
CREATE INDEX contacts_of_tenant ON contacts (tenant_no);
ALTER TABLE tenants ADD FOREIGN KEY (contact_id) REFERENCES contacts (id);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    login TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
    contact_id TEXT COLLATE "C" NOT NULL REFERENCES contacts (id),
    activated BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    language TEXT COLLATE "C" NOT NULL,
    idp_id TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    personal_tenant_no BIGINT REFERENCES tenants (no),
    business_types TEXT COLLATE "C" NOT NULL,
    notifications TEXT COLLATE "C" NOT NULL,
    origin_id TEXT COLLATE "C",
    origin_external_id TEXT COLLATE "C",
    disable_after BIGINT
);
CREATE UNIQUE INDEX users_login ON users (login) WHERE deleted_at IS NULL;
CREATE INDEX users_of_tenant ON users (tenant_no);

CREATE TABLE access_policies (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    trustee_type TEXT COLLATE "C" NOT NULL,
    issuer_id TEXT COLLATE "C" NOT NULL,
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    role_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    resource_server_id TEXT COLLATE "C",
    resource_namespace TEXT COLLATE "C",
    resource_path TEXT COLLATE "C"
);
CREATE INDEX access_policies_of_user ON access_policies (user_id);

CREATE TABLE clients (
    id TEXT COLLATE "C" PRIMARY KEY,
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    client_type TEXT COLLATE "C" NOT NULL,
    auth_method TEXT COLLATE "C" NOT NULL,
    secret_sha256 TEXT COLLATE "C" NOT NULL,
    registration_sha256 TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    redirect_uris TEXT COLLATE "C" NOT NULL,
    origin_id TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    deleted_at BIGINT,
    last_access_at BIGINT,
    last_access_from_ip TEXT COLLATE "C"
);
CREATE INDEX clients_of_tenant ON clients (tenant_no);

-- The private key is sealed with the key file that lies outside the database.
CREATE TABLE signing_keys (
    kid TEXT COLLATE "C" PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL,
    sealed_pkcs8 BYTEA NOT NULL,
    modulus TEXT COLLATE "C" NOT NULL,
    exponent TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT
);

-- Access tokens that have not run out. A family is a sign-in with everything issued or narrowed from it: revoked as one.
CREATE TABLE tokens (
    jti TEXT COLLATE "C" PRIMARY KEY,
    family TEXT COLLATE "C" NOT NULL,
    principal_kind TEXT COLLATE "C" NOT NULL,
    principal_id TEXT COLLATE "C" NOT NULL,
    parent_jti TEXT COLLATE "C",
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX tokens_of_family ON tokens (family);
CREATE INDEX tokens_by_end ON tokens (expires_at);
CREATE INDEX tokens_by_parent ON tokens (parent_jti) WHERE parent_jti IS NOT NULL;

CREATE TABLE refresh_tokens (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    family TEXT COLLATE "C" NOT NULL,
    principal_kind TEXT COLLATE "C" NOT NULL,
    principal_id TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    narrowed_to TEXT COLLATE "C",
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- The stable number of every item name this database has seen; filled from the catalogue at start.
CREATE TABLE items (
    no BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE locations (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner_no BIGINT NOT NULL REFERENCES tenants (no),
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX locations_of_owner ON locations (owner_no);

CREATE TABLE infras (
    no BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    owner_no BIGINT NOT NULL REFERENCES tenants (no),
    location_id TEXT COLLATE "C" NOT NULL REFERENCES locations (id),
    name TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    capabilities TEXT COLLATE "C" NOT NULL,
    content_url TEXT COLLATE "C",
    content_mobile_url TEXT COLLATE "C",
    backend_type TEXT COLLATE "C",
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX infras_of_owner ON infras (owner_no);
CREATE INDEX infras_of_location ON infras (location_id);

CREATE TABLE tenant_services (
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    service TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_no, service)
);

-- infra_no 0: the item has no storage.
CREATE TABLE tenant_items (
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    item_no BIGINT NOT NULL REFERENCES items (no),
    infra_no BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    quota_value BIGINT,
    quota_overage BIGINT,
    quota_version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_no, item_no, infra_no)
);
CREATE INDEX tenant_items_of_infra ON tenant_items (infra_no);

-- A price under infra_no 0 of an item with storages serves those that have none of their own.
CREATE TABLE item_prices (
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    item_no BIGINT NOT NULL REFERENCES items (no),
    infra_no BIGINT NOT NULL,
    price TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_no, item_no, infra_no)
);

-- Items whose billing month begins on another day than their tenant's.
CREATE TABLE item_billing_days (
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    item_no BIGINT NOT NULL REFERENCES items (no),
    infra_no BIGINT NOT NULL,
    billing_day BIGINT NOT NULL,
    PRIMARY KEY (tenant_no, item_no, infra_no)
);

CREATE TABLE application_settings (
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    application_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    locked BIGINT NOT NULL,
    exclusive BIGINT NOT NULL,
    PRIMARY KEY (tenant_no, application_id, name)
);

-- What each meter says now, when it was heard last, and its last reading of an earlier day: what a day leaves behind
-- while its segments are being built. level is accumulated since the item was switched on.
CREATE TABLE meters (
    tenant_no BIGINT NOT NULL,
    item_no BIGINT NOT NULL,
    infra_no BIGINT NOT NULL,
    level BIGINT NOT NULL,
    heard_on BIGINT NOT NULL,
    heard_at BIGINT NOT NULL,
    before_level BIGINT,
    before_on BIGINT,
    PRIMARY KEY (tenant_no, item_no, infra_no)
);

-- The frozen days of a range of 4,096 tenant numbers: a block for each day, and one for a month that is over. A block
-- holds what was accepted up to seq, as far as it is for its days, and nothing later. A number is never given twice: who
-- read a segment swaps it by its number, or not at all.
CREATE TABLE segments (
    no BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    range_no BIGINT NOT NULL,
    first_day BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    UNIQUE (range_no, first_day)
);
CREATE INDEX segments_of_days ON segments (first_day) WHERE last_day = first_day;

-- Append-only: every accepted reading that changed something, in blocks, one per transaction and range at first, later
-- packed (level 1: days, 2: months). pending: an entry for a frozen day is in it that the segments do not hold yet.
CREATE TABLE ledger (
    no BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    range_no BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    first_day BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    level BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);
CREATE INDEX ledger_by_number ON ledger (range_no, last_seq);
CREATE INDEX ledger_by_day ON ledger (last_day);
CREATE INDEX ledger_pending ON ledger (range_no) WHERE pending = 1;

-- Which meters were heard on a frozen day, equal readings included, as known at seq.
CREATE TABLE heard (
    range_no BIGINT NOT NULL,
    day BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (range_no, day)
);

-- The idempotency keys of readings, hashed, in runs that are never changed: a transaction appends one, and runs of about
-- the same size and of the same week are merged (store::reading_keys). id: the acceptance number of the transaction that
-- began it. status: merging (does not count yet), live or gone (to be removed).
CREATE TABLE key_runs (
    id BIGINT PRIMARY KEY,
    last_day BIGINT NOT NULL,
    key_count BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL
);

-- The keys of a run, at most 1,024 a row, rising: 16 bytes of the key's hash and 8 of the content's, each.
CREATE TABLE key_pieces (
    run_id BIGINT NOT NULL REFERENCES key_runs (id),
    first_key BYTEA NOT NULL,
    entries BYTEA NOT NULL,
    PRIMARY KEY (run_id, first_key)
);

CREATE TABLE reports (
    no BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    subject_no BIGINT NOT NULL REFERENCES tenants (no),
    level TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    formats TEXT COLLATE "C" NOT NULL,
    hide_zero_usage BIGINT,
    show_skus BIGINT,
    period_start BIGINT,
    period_end BIGINT,
    result_action TEXT COLLATE "C" NOT NULL,
    schedule TEXT COLLATE "C" NOT NULL,
    enabled BIGINT NOT NULL,
    generation_on BIGINT,
    next_due_at BIGINT,
    writer_tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    created_at BIGINT NOT NULL
);
CREATE INDEX reports_of_subject ON reports (subject_no, no);
CREATE INDEX reports_due ON reports (next_due_at) WHERE next_due_at IS NOT NULL;

CREATE TABLE report_recipients (
    report_id TEXT COLLATE "C" NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (report_id, position)
);
CREATE INDEX report_recipients_of_user ON report_recipients (user_id);

-- Unique on (report, subject, due_at): however often the scheduler wakes, once.
CREATE TABLE runs (
    no BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    report_id TEXT COLLATE "C" NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    subject_no BIGINT NOT NULL REFERENCES tenants (no),
    due_at BIGINT NOT NULL,
    schedule TEXT COLLATE "C" NOT NULL,
    level TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    formats TEXT COLLATE "C" NOT NULL,
    hide_zero_usage BIGINT,
    show_skus BIGINT,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    result_action TEXT COLLATE "C" NOT NULL,
    writer_tenant_no BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_until BIGINT,
    lease_epoch BIGINT NOT NULL,
    as_of_seq BIGINT,
    language TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    generated_at BIGINT,
    finished_at BIGINT,
    UNIQUE (report_id, subject_no, due_at)
);
CREATE INDEX runs_open ON runs (not_before) WHERE status IN ('queued', 'building');

CREATE TABLE run_recipients (
    run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE artefacts (
    id TEXT COLLATE "C" PRIMARY KEY,
    run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    size_bytes BIGINT,
    plain_bytes BIGINT,
    sha256 TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    UNIQUE (run_id, position)
);

-- The gzip member of an artefact in pieces of 1 MiB.
CREATE TABLE artefact_chunks (
    artefact_id TEXT COLLATE "C" NOT NULL REFERENCES artefacts (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (artefact_id, ordinal)
);

-- What was delivered, frozen and numbered per (report, subject, period).
CREATE TABLE editions (
    report_id TEXT COLLATE "C" NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    subject_no BIGINT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    number BIGINT NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES runs (id) ON DELETE CASCADE,
    as_of_seq BIGINT NOT NULL,
    generated_at BIGINT NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    renderer_version BIGINT NOT NULL,
    PRIMARY KEY (report_id, subject_no, period_start, period_end, number)
);

CREATE TABLE deliveries (
    id TEXT COLLATE "C" PRIMARY KEY,
    run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL,
    resend_no BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL UNIQUE,
    status TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_until BIGINT,
    lease_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (run_id, user_id, resend_no)
);
CREATE INDEX deliveries_open ON deliveries (not_before) WHERE status IN ('pending', 'sending');

-- A new address of an activated user that waits for its confirmation, with the mail that asks the old address for it.
-- One at a time: a later change takes the place of an earlier one. The link's token is kept sealed, as a retried mail
-- repeats it, and found by its hash.
CREATE TABLE email_changes (
    user_id TEXT COLLATE "C" PRIMARY KEY REFERENCES users (id),
    new_email TEXT COLLATE "C" NOT NULL,
    token_sha256 TEXT COLLATE "C" NOT NULL UNIQUE,
    sealed_token BYTEA NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_until BIGINT,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX email_changes_open ON email_changes (not_before) WHERE status IN ('pending', 'sending');
