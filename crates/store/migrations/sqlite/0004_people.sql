-- Links that users are mailed, one of each purpose per user: email_change waits for a new address (email), activation for
-- a password and went to that address. The table takes the place of email_changes.
CREATE TABLE mailed_links (
    user_id TEXT NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL,
    email TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    sealed_token BLOB NOT NULL,
    message_id TEXT NOT NULL,
    status TEXT NOT NULL,
    detail TEXT,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    lease_until INTEGER,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, purpose)
) STRICT;
CREATE INDEX mailed_links_open ON mailed_links (not_before) WHERE status IN ('pending', 'sending');
INSERT INTO mailed_links (user_id, purpose, email, token_sha256, sealed_token, message_id, status, detail, attempts,
    not_before, lease_until, asked_at, expires_at)
SELECT user_id, 'email_change', new_email, token_sha256, sealed_token, message_id, status, detail, attempts,
    not_before, lease_until, requested_at, expires_at FROM email_changes;
DROP TABLE email_changes;

-- Whether a tenant demands a second factor of its own users, and whether one of them differs: 1 must have one, 0 need not.
ALTER TABLE tenants ADD COLUMN mfa_demanded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN mfa_demanded INTEGER;

-- The second factor of a user; without confirmed_at its set-up has begun. last_step: no code of this step of 30 seconds
-- since 1970, or of one before, is taken any more. used_at: when a code was last taken.
CREATE TABLE totp_factors (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    sealed_secret BLOB NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

-- A new password, and a new second factor, end all that was issued before.
CREATE INDEX tokens_of_principal ON tokens (principal_id);
CREATE INDEX refresh_tokens_of_principal ON refresh_tokens (principal_id);
