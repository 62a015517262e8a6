-- The processes that serve this database. Times are of the database's clock. A node says every few seconds that it is there;
-- stopped_at: it has said goodbye.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    address TEXT,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    stopped_at INTEGER
) STRICT;

-- Who holds a lease; null where it was taken by a process that is no node. No key: leases outlive the rows of nodes.
ALTER TABLE runs ADD COLUMN lease_node TEXT;
CREATE INDEX runs_held ON runs (lease_node) WHERE status = 'building';
ALTER TABLE deliveries ADD COLUMN lease_node TEXT;
CREATE INDEX deliveries_held ON deliveries (lease_node) WHERE status = 'sending';
ALTER TABLE mailed_links ADD COLUMN lease_node TEXT;
ALTER TABLE mailed_links ADD COLUMN lease_epoch INTEGER NOT NULL DEFAULT 0;
CREATE INDEX mailed_links_held ON mailed_links (lease_node) WHERE status = 'sending';
