-- Signing in through a browser, on a device and with one-time tokens. Of every secret the row holds SHA-256, in hex.

-- The client that a token was given through, where a user signed in for it: with the client its tokens end.
ALTER TABLE tokens ADD COLUMN client_id TEXT COLLATE "C";
ALTER TABLE refresh_tokens ADD COLUMN client_id TEXT COLLATE "C";

CREATE TABLE browser_sessions (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);
CREATE INDEX browser_sessions_of_user ON browser_sessions (user_id);

-- family: what its tokens are revoked with. A code that was used stays a while, so that a second use still shows.
CREATE TABLE authorization_codes (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    redirect_uri TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    code_challenge TEXT COLLATE "C",
    nonce TEXT COLLATE "C",
    family TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    forget_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX authorization_codes_by_end ON authorization_codes (forget_at);
CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id);

-- principal_kind and principal_id: who approved it. denied: somebody did not want it.
CREATE TABLE device_codes (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    user_code_sha256 TEXT COLLATE "C" NOT NULL UNIQUE,
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    display_name TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    interval_seconds BIGINT NOT NULL,
    polled_at BIGINT,
    principal_kind TEXT COLLATE "C",
    principal_id TEXT COLLATE "C",
    denied BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX device_codes_by_end ON device_codes (expires_at);
CREATE INDEX device_codes_of_principal ON device_codes (principal_id) WHERE principal_id IS NOT NULL;

CREATE TABLE one_time_tokens (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    purpose TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_tokens_by_end ON one_time_tokens (expires_at);
CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id);

CREATE INDEX users_with_external_id ON users (external_id) WHERE external_id IS NOT NULL AND deleted_at IS NULL;
