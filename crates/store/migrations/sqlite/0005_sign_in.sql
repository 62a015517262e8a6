-- Signing in through a browser, on a device and with one-time tokens. Of every secret the row holds SHA-256, in hex.

-- The client that a token was given through, where a user signed in for it: with the client its tokens end.
ALTER TABLE tokens ADD COLUMN client_id TEXT;
ALTER TABLE refresh_tokens ADD COLUMN client_id TEXT;

CREATE TABLE browser_sessions (
    sha256 TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);
CREATE INDEX browser_sessions_of_user ON browser_sessions (user_id);

-- family: what its tokens are revoked with. A code that was used stays a while, so that a second use still shows.
CREATE TABLE authorization_codes (
    sha256 TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    code_challenge TEXT,
    nonce TEXT,
    family TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_codes_by_end ON authorization_codes (forget_at);
CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id);

-- principal_kind and principal_id: who approved it. denied: somebody did not want it.
CREATE TABLE device_codes (
    sha256 TEXT PRIMARY KEY,
    user_code_sha256 TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES clients (id),
    display_name TEXT NOT NULL,
    scope TEXT NOT NULL,
    interval_seconds INTEGER NOT NULL,
    polled_at INTEGER,
    principal_kind TEXT,
    principal_id TEXT,
    denied INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_codes_by_end ON device_codes (expires_at);
CREATE INDEX device_codes_of_principal ON device_codes (principal_id) WHERE principal_id IS NOT NULL;

CREATE TABLE one_time_tokens (
    sha256 TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_tokens_by_end ON one_time_tokens (expires_at);
CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id);

CREATE INDEX users_with_external_id ON users (external_id) WHERE external_id IS NOT NULL AND deleted_at IS NULL;
