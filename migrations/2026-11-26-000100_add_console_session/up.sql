-- Sessions of the console. They are in the ledger, so that every node knows them and a restart keeps them. Of the cookie's random text only
-- the SHA-256 is kept. A session ends with its key.
CREATE TABLE console_session (
    token_hash bytea PRIMARY KEY,
    api_key_id bigint NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    opened_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX console_session_key ON console_session (api_key_id);
