-- Records that ServiceNow still processes after delivery: their state there.
CREATE TABLE downstream (
    document_id bigint NOT NULL,
    block text NOT NULL,
    record_key text NOT NULL,
    -- the delivery that brought it
    delivery_id bigint NOT NULL,
    company text NOT NULL,
    entity text NOT NULL,
    -- `open`, `done`, `failed`, `could_not_tell`
    state text NOT NULL DEFAULT 'open',
    -- ServiceNow's words, or why the state cannot be known
    said text,
    arrived_at timestamptz NOT NULL DEFAULT now(),
    looks integer NOT NULL DEFAULT 0,
    next_look timestamptz NOT NULL,
    ended_at timestamptz,
    -- how often it was sent again automatically since the content changed
    replays integer NOT NULL DEFAULT 0,
    PRIMARY KEY (document_id, block, record_key)
);
CREATE INDEX downstream_due ON downstream (entity, block, next_look) WHERE state = 'open';
