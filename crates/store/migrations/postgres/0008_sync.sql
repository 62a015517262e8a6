-- What lists that others synchronise by need, so that they lose nothing.

-- The newest stamp of a change, or the newest moment that a list was promised to be whole up to (ADR 8).
ALTER TABLE acceptance ADD COLUMN moment BIGINT NOT NULL DEFAULT 0;
UPDATE acceptance SET moment = GREATEST(
    COALESCE((SELECT MAX(updated_at) FROM tenants), 0),
    COALESCE((SELECT MAX(updated_at) FROM users), 0),
    COALESCE((SELECT MAX(updated_at) FROM tenant_items), 0));

-- The level that a tenant had below an ancestor until it was moved to another one: pages of a list that began before
-- still show it there. Kept for some days.
CREATE TABLE past_places (
    ancestor_no BIGINT NOT NULL,
    tenant_no BIGINT NOT NULL,
    depth BIGINT NOT NULL,
    left_at BIGINT NOT NULL,
    PRIMARY KEY (ancestor_no, tenant_no, left_at)
);
CREATE INDEX past_places_by_end ON past_places (ancestor_no, left_at);

-- Filters that begin at what is rare.
CREATE INDEX users_by_origin ON users (origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX clients_by_origin ON clients (origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX tenant_items_of_item ON tenant_items (item_no);

-- Words are normalised since this version: they are put in anew when the database is opened.
DELETE FROM tenant_words;
DELETE FROM user_words;
