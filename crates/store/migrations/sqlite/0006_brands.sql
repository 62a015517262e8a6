-- What tenants look like to those below: one live brand each at most. Ids are never reused; 1 is the platform's own look,
-- which has no row.
CREATE TABLE brands (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    tenant_no INTEGER NOT NULL REFERENCES tenants (no),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX brands_of_tenant ON brands (tenant_no) WHERE deleted_at IS NULL;

-- Every version of a brand, so that a report that is made again looks as it did. members: a JSON object in the words of
-- the wire, without smtp_password, which is sealed with the key file (empty: none).
CREATE TABLE brand_versions (
    brand_id INTEGER NOT NULL REFERENCES brands (id),
    seq INTEGER NOT NULL,
    members TEXT NOT NULL,
    sealed_smtp_password BLOB NOT NULL,
    logo_sha256 TEXT REFERENCES brand_logos (sha256),
    PRIMARY KEY (brand_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE brand_logos (
    sha256 TEXT PRIMARY KEY,
    png BLOB NOT NULL
) STRICT;

-- The brand that a run began with; null: none, or not begun.
ALTER TABLE runs ADD COLUMN brand_id INTEGER REFERENCES brands (id);

-- A move ends the policies that it would carry across a border.
CREATE INDEX access_policies_of_tenant ON access_policies (tenant_no);
