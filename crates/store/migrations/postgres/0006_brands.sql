-- What tenants look like to those below: one live brand each at most. Ids are never reused; 1 is the platform's own look,
-- which has no row.
CREATE TABLE brands (
    id BIGINT PRIMARY KEY,
    uuid TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant_no BIGINT NOT NULL REFERENCES tenants (no),
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX brands_of_tenant ON brands (tenant_no) WHERE deleted_at IS NULL;

-- Every version of a brand, so that a report that is made again looks as it did. members: a JSON object in the words of
-- the wire, without smtp_password, which is sealed with the key file (empty: none).
CREATE TABLE brand_versions (
    brand_id BIGINT NOT NULL REFERENCES brands (id),
    seq BIGINT NOT NULL,
    members TEXT COLLATE "C" NOT NULL,
    sealed_smtp_password BYTEA NOT NULL,
    logo_sha256 TEXT COLLATE "C",
    PRIMARY KEY (brand_id, seq)
);

CREATE TABLE brand_logos (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    png BYTEA NOT NULL
);
ALTER TABLE brand_versions ADD FOREIGN KEY (logo_sha256) REFERENCES brand_logos (sha256);

-- The brand that a run began with; null: none, or not begun.
ALTER TABLE runs ADD COLUMN brand_id BIGINT REFERENCES brands (id);

-- A move ends the policies that it would carry across a border.
CREATE INDEX access_policies_of_tenant ON access_policies (tenant_no);
