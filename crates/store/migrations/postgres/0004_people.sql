-- Links that users are mailed, one of each purpose per user: email_change waits for a new address (email), activation for
-- a password and went to that address. The table takes the place of email_changes.
CREATE TABLE mailed_links (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    purpose TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    token_sha256 TEXT COLLATE "C" NOT NULL UNIQUE,
    sealed_token BYTEA NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_until BIGINT,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
CREATE INDEX mailed_links_open ON mailed_links (not_before) WHERE status IN ('pending', 'sending');
INSERT INTO mailed_links (user_id, purpose, email, token_sha256, sealed_token, message_id, status, detail, attempts,
    not_before, lease_until, asked_at, expires_at)
SELECT user_id, 'email_change', new_email, token_sha256, sealed_token, message_id, status, detail, attempts,
    not_before, lease_until, requested_at, expires_at FROM email_changes;
DROP TABLE email_changes;

-- Whether a tenant demands a second factor of its own users, and whether one of them differs: 1 must have one, 0 need not.
ALTER TABLE tenants ADD COLUMN mfa_demanded BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN mfa_demanded BIGINT;

-- The second factor of a user; without confirmed_at its set-up has begun. last_step: no code of this step of 30 seconds
-- since 1970, or of one before, is taken any more. used_at: when a code was last taken.
CREATE TABLE totp_factors (
    user_id TEXT COLLATE "C" PRIMARY KEY REFERENCES users (id),
    sealed_secret BYTEA NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL,
    used_at BIGINT
);

-- A new password, and a new second factor, end all that was issued before.
CREATE INDEX tokens_of_principal ON tokens (principal_id);
CREATE INDEX refresh_tokens_of_principal ON refresh_tokens (principal_id);
