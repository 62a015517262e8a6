-- What files hold, kept once by its digest, in this database or in an object store.

CREATE TABLE contents (
    id TEXT PRIMARY KEY,
    -- SHA-256 of the uncompressed bytes, in hex.
    sha256 TEXT NOT NULL,
    -- Where the bytes lie: database or s3.
    place TEXT NOT NULL,
    -- writing, whole, leaving, or gone (an object that is deleted once more).
    state TEXT NOT NULL,
    -- Of the gzip member, and of what is in it.
    size_bytes INTEGER NOT NULL,
    plain_bytes INTEGER NOT NULL,
    -- The run that is writing it.
    run_id TEXT,
    -- What the object store calls an upload in parts that is under way.
    upload_id TEXT,
    -- When the upkeep looks at it next, by the database's clock; null where something referred to it at the last look.
    look_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX contents_whole ON contents (sha256) WHERE state = 'whole';
CREATE INDEX contents_to_look_at ON contents (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX contents_of_run ON contents (run_id) WHERE run_id IS NOT NULL;

-- The gzip member of a content in this database, in pieces of 1 MiB.
CREATE TABLE content_chunks (
    content_id TEXT NOT NULL REFERENCES contents (id),
    ordinal INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (content_id, ordinal)
) STRICT;

-- Null unless it is saved, and again once its bytes were kept long enough.
ALTER TABLE artefacts ADD COLUMN content_id TEXT REFERENCES contents (id);
CREATE INDEX artefacts_by_content ON artefacts (content_id) WHERE content_id IS NOT NULL;
CREATE INDEX artefacts_kept ON artefacts (created_at) WHERE content_id IS NOT NULL;

-- Of equal files the first one's bytes stay.
INSERT INTO contents (id, sha256, place, state, size_bytes, plain_bytes, created_at)
    SELECT id, sha256, 'database', 'whole', size_bytes, plain_bytes, created_at FROM artefacts
    WHERE id IN (SELECT MIN(id) FROM artefacts WHERE status = 'saved' GROUP BY sha256);
INSERT INTO content_chunks (content_id, ordinal, bytes)
    SELECT artefact_id, ordinal, bytes FROM artefact_chunks WHERE artefact_id IN (SELECT id FROM contents);
UPDATE artefacts SET
    content_id = (SELECT c.id FROM contents c WHERE c.sha256 = artefacts.sha256 AND c.state = 'whole'),
    size_bytes = (SELECT c.size_bytes FROM contents c WHERE c.sha256 = artefacts.sha256 AND c.state = 'whole')
    WHERE status = 'saved';
DROP TABLE artefact_chunks;
