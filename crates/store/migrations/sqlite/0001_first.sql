-- Instants are microseconds since 1970 UTC, days are days since 1970, ids are 36-character UUIDs in lower case.
-- Enumerations hold the words of the wire. A tenant's `no` is never reused, and also its numeric v1 id.

-- The acceptance number: counted up inside the transaction of every accepted change, so that numbers become visible in order.
-- batches counts the transactions that wrote meters: a process that remembers meters sees by it whether another wrote.
CREATE TABLE acceptance (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    batches INTEGER NOT NULL
) STRICT;
INSERT INTO acceptance (one, seq, batches) VALUES (1, 0, 0);

-- open_day: the first day that still takes current readings. frozen_day: the first day that no segment holds yet; from
-- midnight until the segments are built it lags behind. Neither goes back.
CREATE TABLE day_close (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    open_day INTEGER NOT NULL,
    frozen_day INTEGER NOT NULL
) STRICT;

-- The newest acceptance number of each day that is over: what was known on it. Days on which no server ran have no row.
CREATE TABLE day_numbers (
    day INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

-- The one change log: what a report prints or filters by, over two time axes (valid_from day, seq). It is the audit log too.
CREATE TABLE changes (
    seq INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    object TEXT NOT NULL,
    object_id TEXT NOT NULL,
    tenant_no INTEGER NOT NULL,
    field TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    valid_from INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (seq, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_of_tenant ON changes (tenant_no, valid_from);
CREATE INDEX changes_of_field ON changes (object, field, valid_from);

CREATE TABLE tenants (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    parent_no INTEGER NOT NULL REFERENCES tenants (no),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    customer_type TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    customer_id TEXT,
    internal_tag TEXT,
    language TEXT NOT NULL,
    owner_id TEXT,
    default_idp_id TEXT NOT NULL,
    update_lock_owner_id TEXT,
    ancestral_access INTEGER NOT NULL,
    enhanced_security INTEGER NOT NULL,
    external_operation TEXT NOT NULL,
    pricing_mode TEXT NOT NULL,
    pricing_switched_at INTEGER,
    pricing_version INTEGER NOT NULL,
    currency TEXT,
    billing_day INTEGER NOT NULL,
    billing_mode TEXT NOT NULL,
    usage_calculation_mode TEXT NOT NULL,
    billing_version INTEGER NOT NULL
) STRICT;
CREATE INDEX tenants_of_parent ON tenants (parent_no, kind);
-- The children that lists show: a customer has as many personal tenants as users, and has_children must not walk them.
CREATE INDEX tenants_shown ON tenants (parent_no) WHERE deleted_at IS NULL AND owner_id IS NULL;

-- Which ranges of 4,096 tenant numbers are in use, whose, and the next number of each. owner_no 0: shared by all small
-- channels. Rows stay for ever, so no number comes twice. Number 0 is nobody's.
CREATE TABLE number_ranges (
    range_no INTEGER PRIMARY KEY,
    owner_no INTEGER NOT NULL,
    next_no INTEGER NOT NULL
) STRICT;
CREATE INDEX number_ranges_of_owner ON number_ranges (owner_no, range_no);
INSERT INTO number_ranges (range_no, owner_no, next_no) VALUES (0, 0, 1);

-- The tree of each range of tenants over time, packed, as known at seq: a copy that saves reading the tenants and the log.
CREATE TABLE tree_blocks (
    range_no INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Every tenant with every tenant above it, itself included at depth 0. Deleted tenants stay, as reports still need them.
-- walls: how many tenants with ancestral_access false stand strictly above tenant_no and strictly below ancestor_no.
CREATE TABLE closure (
    ancestor_no INTEGER NOT NULL REFERENCES tenants (no),
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    depth INTEGER NOT NULL,
    walls INTEGER NOT NULL,
    PRIMARY KEY (ancestor_no, tenant_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX closure_up ON closure (tenant_no, depth);

-- A tenant's legal contact (tenants.contact_id) and its further ones carry tenant_no; a user's carries none. Deferred, as
-- a tenant and its legal contact name each other.
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    tenant_no INTEGER REFERENCES tenants (no) DEFERRABLE INITIALLY DEFERRED,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    types TEXT NOT NULL,
    email_confirmed INTEGER,
    email TEXT, firstname TEXT, lastname TEXT, address1 TEXT, address2 TEXT, country TEXT, state TEXT, city TEXT,
    zipcode TEXT, phone TEXT, title TEXT, website TEXT, industry TEXT, organization_size TEXT, aan TEXT, fax TEXT,
    language TEXT
) STRICT;
CREATE INDEX contacts_of_tenant ON contacts (tenant_no);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    login TEXT NOT NULL,
    password_hash TEXT,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    activated INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    language TEXT NOT NULL,
    idp_id TEXT NOT NULL,
    external_id TEXT,
    personal_tenant_no INTEGER REFERENCES tenants (no),
    business_types TEXT NOT NULL,
    notifications TEXT NOT NULL,
    origin_id TEXT,
    origin_external_id TEXT,
    disable_after INTEGER
) STRICT;
CREATE UNIQUE INDEX users_login ON users (login) WHERE deleted_at IS NULL;
CREATE INDEX users_of_tenant ON users (tenant_no);

CREATE TABLE access_policies (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    trustee_type TEXT NOT NULL,
    issuer_id TEXT NOT NULL,
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    role_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    resource_server_id TEXT,
    resource_namespace TEXT,
    resource_path TEXT
) STRICT;
CREATE INDEX access_policies_of_user ON access_policies (user_id);

CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    client_type TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    registration_sha256 TEXT NOT NULL,
    data TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    origin_id TEXT,
    status TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    deleted_at INTEGER,
    last_access_at INTEGER,
    last_access_from_ip TEXT
) STRICT;
CREATE INDEX clients_of_tenant ON clients (tenant_no);

-- The private key is sealed with the key file that lies outside the database.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    sealed_pkcs8 BLOB NOT NULL,
    modulus TEXT NOT NULL,
    exponent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    retired_at INTEGER
) STRICT;

-- Access tokens that have not run out. A family is a sign-in with everything issued or narrowed from it: revoked as one.
CREATE TABLE tokens (
    jti TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    principal_kind TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    parent_jti TEXT,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_of_family ON tokens (family);
CREATE INDEX tokens_by_end ON tokens (expires_at);
CREATE INDEX tokens_by_parent ON tokens (parent_jti) WHERE parent_jti IS NOT NULL;

CREATE TABLE refresh_tokens (
    sha256 TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    principal_kind TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    narrowed_to TEXT,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- The stable number of every item name this database has seen; filled from the catalogue at start.
CREATE TABLE items (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE locations (
    id TEXT PRIMARY KEY,
    owner_no INTEGER NOT NULL REFERENCES tenants (no),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX locations_of_owner ON locations (owner_no);

CREATE TABLE infras (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner_no INTEGER NOT NULL REFERENCES tenants (no),
    location_id TEXT NOT NULL REFERENCES locations (id),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    content_url TEXT,
    content_mobile_url TEXT,
    backend_type TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX infras_of_owner ON infras (owner_no);
CREATE INDEX infras_of_location ON infras (location_id);

CREATE TABLE tenant_services (
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    service TEXT NOT NULL,
    PRIMARY KEY (tenant_no, service)
) STRICT, WITHOUT ROWID;

-- infra_no 0: the item has no storage.
CREATE TABLE tenant_items (
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    item_no INTEGER NOT NULL REFERENCES items (no),
    infra_no INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    quota_value INTEGER,
    quota_overage INTEGER,
    quota_version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_no, item_no, infra_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_items_of_infra ON tenant_items (infra_no);

-- A price under infra_no 0 of an item with storages serves those that have none of their own.
CREATE TABLE item_prices (
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    item_no INTEGER NOT NULL REFERENCES items (no),
    infra_no INTEGER NOT NULL,
    price TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_no, item_no, infra_no)
) STRICT, WITHOUT ROWID;

-- Items whose billing month begins on another day than their tenant's.
CREATE TABLE item_billing_days (
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    item_no INTEGER NOT NULL REFERENCES items (no),
    infra_no INTEGER NOT NULL,
    billing_day INTEGER NOT NULL,
    PRIMARY KEY (tenant_no, item_no, infra_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE application_settings (
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    application_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    locked INTEGER NOT NULL,
    exclusive INTEGER NOT NULL,
    PRIMARY KEY (tenant_no, application_id, name)
) STRICT, WITHOUT ROWID;

-- What each meter says now, when it was heard last, and its last reading of an earlier day: what a day leaves behind
-- while its segments are being built. level is accumulated since the item was switched on.
CREATE TABLE meters (
    tenant_no INTEGER NOT NULL,
    item_no INTEGER NOT NULL,
    infra_no INTEGER NOT NULL,
    level INTEGER NOT NULL,
    heard_on INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    before_level INTEGER,
    before_on INTEGER,
    PRIMARY KEY (tenant_no, item_no, infra_no)
) STRICT, WITHOUT ROWID;

-- The frozen days of a range of 4,096 tenant numbers: a block for each day, and one for a month that is over. A block
-- holds what was accepted up to seq, as far as it is for its days, and nothing later. A number is never given twice: who
-- read a segment swaps it by its number, or not at all.
CREATE TABLE segments (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    range_no INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (range_no, first_day)
) STRICT;
CREATE INDEX segments_of_days ON segments (first_day) WHERE last_day = first_day;

-- Append-only: every accepted reading that changed something, in blocks, one per transaction and range at first, later
-- packed (level 1: days, 2: months). pending: an entry for a frozen day is in it that the segments do not hold yet.
CREATE TABLE ledger (
    no INTEGER PRIMARY KEY,
    range_no INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    level INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_by_number ON ledger (range_no, last_seq);
CREATE INDEX ledger_by_day ON ledger (last_day);
CREATE INDEX ledger_pending ON ledger (range_no) WHERE pending = 1;

-- Which meters were heard on a frozen day, equal readings included, as known at seq.
CREATE TABLE heard (
    range_no INTEGER NOT NULL,
    day INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (range_no, day)
) STRICT, WITHOUT ROWID;

-- The idempotency keys of readings, hashed, in runs that are never changed: a transaction appends one, and runs of about
-- the same size and of the same week are merged (store::reading_keys). id: the acceptance number of the transaction that
-- began it. status: merging (does not count yet), live or gone (to be removed).
CREATE TABLE key_runs (
    id INTEGER PRIMARY KEY,
    last_day INTEGER NOT NULL,
    key_count INTEGER NOT NULL,
    status TEXT NOT NULL
) STRICT;

-- The keys of a run, at most 1,024 a row, rising: 16 bytes of the key's hash and 8 of the content's, each.
CREATE TABLE key_pieces (
    run_id INTEGER NOT NULL REFERENCES key_runs (id),
    first_key BLOB NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (run_id, first_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    subject_no INTEGER NOT NULL REFERENCES tenants (no),
    level TEXT NOT NULL,
    kind TEXT NOT NULL,
    formats TEXT NOT NULL,
    hide_zero_usage INTEGER,
    show_skus INTEGER,
    period_start INTEGER,
    period_end INTEGER,
    result_action TEXT NOT NULL,
    schedule TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    generation_on INTEGER,
    next_due_at INTEGER,
    writer_tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reports_of_subject ON reports (subject_no, no);
CREATE INDEX reports_due ON reports (next_due_at) WHERE next_due_at IS NOT NULL;

CREATE TABLE report_recipients (
    report_id TEXT NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (report_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_recipients_of_user ON report_recipients (user_id);

-- Unique on (report, subject, due_at): however often the scheduler wakes, once.
CREATE TABLE runs (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    report_id TEXT NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    subject_no INTEGER NOT NULL REFERENCES tenants (no),
    due_at INTEGER NOT NULL,
    schedule TEXT NOT NULL,
    level TEXT NOT NULL,
    kind TEXT NOT NULL,
    formats TEXT NOT NULL,
    hide_zero_usage INTEGER,
    show_skus INTEGER,
    period_start INTEGER NOT NULL,
    period_end INTEGER NOT NULL,
    result_action TEXT NOT NULL,
    writer_tenant_no INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    lease_until INTEGER,
    lease_epoch INTEGER NOT NULL,
    as_of_seq INTEGER,
    language TEXT,
    created_at INTEGER NOT NULL,
    generated_at INTEGER,
    finished_at INTEGER,
    UNIQUE (report_id, subject_no, due_at)
) STRICT;
CREATE INDEX runs_open ON runs (not_before) WHERE status IN ('queued', 'building');

CREATE TABLE run_recipients (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE artefacts (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    format TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    size_bytes INTEGER,
    plain_bytes INTEGER,
    sha256 TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (run_id, position)
) STRICT;

-- The gzip member of an artefact in pieces of 1 MiB.
CREATE TABLE artefact_chunks (
    artefact_id TEXT NOT NULL REFERENCES artefacts (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (artefact_id, ordinal)
) STRICT;

-- What was delivered, frozen and numbered per (report, subject, period).
CREATE TABLE editions (
    report_id TEXT NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    subject_no INTEGER NOT NULL,
    period_start INTEGER NOT NULL,
    period_end INTEGER NOT NULL,
    number INTEGER NOT NULL,
    run_id TEXT NOT NULL UNIQUE REFERENCES runs (id) ON DELETE CASCADE,
    as_of_seq INTEGER NOT NULL,
    generated_at INTEGER NOT NULL,
    language TEXT NOT NULL,
    renderer_version INTEGER NOT NULL,
    PRIMARY KEY (report_id, subject_no, period_start, period_end, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    resend_no INTEGER NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    detail TEXT,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    lease_until INTEGER,
    lease_epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (run_id, user_id, resend_no)
) STRICT;
CREATE INDEX deliveries_open ON deliveries (not_before) WHERE status IN ('pending', 'sending');

-- A new address of an activated user that waits for its confirmation, with the mail that asks the old address for it.
-- One at a time: a later change takes the place of an earlier one. The link's token is kept sealed, as a retried mail
-- repeats it, and found by its hash.
CREATE TABLE email_changes (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    new_email TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    sealed_token BLOB NOT NULL,
    message_id TEXT NOT NULL,
    status TEXT NOT NULL,
    detail TEXT,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    lease_until INTEGER,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX email_changes_open ON email_changes (not_before) WHERE status IN ('pending', 'sending');
