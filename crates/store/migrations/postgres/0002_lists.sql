-- What lists and searches walk, so that a page costs what it returns and not what the tree holds. All of it follows from
-- other tables and is written in the same transaction as those.

-- Every tenant but personal ones under each tenant above it and under itself, in the order of subtree lists: those that no
-- wall hides come first, by depth and id. walls and depth are those of closure.
CREATE TABLE tenant_lists (
    ancestor_no BIGINT NOT NULL,
    walls BIGINT NOT NULL,
    depth BIGINT NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    tenant_no BIGINT NOT NULL,
    PRIMARY KEY (ancestor_no, walls, depth, tenant_id)
);
INSERT INTO tenant_lists (ancestor_no, walls, depth, tenant_id, tenant_no)
SELECT k.ancestor_no, k.walls, k.depth, t.id, t.no FROM closure k JOIN tenants t ON t.no = k.tenant_no
WHERE t.owner_id IS NULL;

-- The same of users. depth is that of the user's tenant; a closed tenant is a wall before its own users too.
CREATE TABLE user_lists (
    ancestor_no BIGINT NOT NULL,
    walls BIGINT NOT NULL,
    depth BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (ancestor_no, walls, depth, user_id)
);
INSERT INTO user_lists (ancestor_no, walls, depth, user_id)
SELECT k.ancestor_no, k.walls + CASE WHEN t.ancestral_access = 0 AND k.depth > 0 THEN 1 ELSE 0 END, k.depth, u.id
FROM closure k JOIN tenants t ON t.no = k.tenant_no JOIN users u ON u.tenant_no = k.tenant_no;

-- Lists of what changed since a moment.
CREATE INDEX tenants_by_change ON tenants (updated_at);
CREATE INDEX users_by_change ON users (updated_at);
CREATE INDEX tenant_items_by_change ON tenant_items (updated_at);
CREATE INDEX users_by_external_id ON users (tenant_no, external_id) WHERE external_id IS NOT NULL;

-- The words of the values that search looks into, folded (domain::words) and compared byte by byte; field tells the values
-- of one object apart. Personal tenants have none. Databases older than these tables are filled when they are opened.
CREATE TABLE tenant_words (
    tenant_no BIGINT NOT NULL,
    field BIGINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_no, field, word)
);
CREATE INDEX tenant_words_by_word ON tenant_words (word, tenant_no, field);

CREATE TABLE user_words (
    user_id TEXT COLLATE "C" NOT NULL,
    field BIGINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, field, word)
);
CREATE INDEX user_words_by_word ON user_words (word, user_id, field);
