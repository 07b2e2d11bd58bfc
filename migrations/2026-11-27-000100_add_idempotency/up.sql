-- Answers of actions by the caller's idempotency key, so that a caller that lost an answer can repeat the request.
CREATE TABLE idempotency (
    -- who asked: the API key's prefix
    caller text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of method, path and body
    request bytea NOT NULL,
    -- null while the action runs
    status integer,
    answer text,
    asked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_asked ON idempotency (asked_at);
