-- Answers of actions by the key that the caller gave them, so that an action whose answer was lost can be asked for again.
CREATE TABLE idempotency (
    -- who asked: the API key's prefix
    caller text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of method, path and body
    request bytea NOT NULL,
    -- null while it is done
    status integer,
    answer text,
    asked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_asked ON idempotency (asked_at);
