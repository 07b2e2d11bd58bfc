-- The states of a delivery as the screens, the API and the metrics name them. `after_header`: a line that follows its header.
DROP INDEX pending_due;
DROP INDEX pending_doubt;
DROP INDEX pending_parked;
UPDATE pending SET state = CASE
    WHEN state = 'waiting' THEN 'queued'
    WHEN state = 'held' THEN 'after_header'
    WHEN state = 'in_doubt' THEN 'unknown'
    WHEN state = 'parked' AND reason = 'missing_parent' THEN 'waiting'
    WHEN state = 'parked' AND reason = 'on_hold' THEN 'on_hold'
    WHEN state = 'parked' THEN 'failed'
    ELSE state END;
ALTER TABLE pending
    ADD CONSTRAINT pending_state CHECK (state IN ('queued', 'after_header', 'sending', 'unknown', 'failed', 'waiting', 'on_hold'));
CREATE INDEX pending_queued ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'queued';
CREATE INDEX pending_unknown ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'unknown';
CREATE INDEX pending_stopped ON pending (state, company, entity, reason) WHERE state IN ('failed', 'waiting', 'on_hold');
ALTER TABLE pending RENAME COLUMN looks TO failed_lookups;

-- A record has the state of its worst part.
CREATE OR REPLACE FUNCTION pending_rank(state text, reason text, message text) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (CASE
    WHEN state = 'failed' THEN 7
    WHEN state = 'on_hold' THEN 6
    WHEN state = 'unknown' THEN 5
    WHEN state = 'waiting' THEN 4
    WHEN state = 'queued' AND message IS NOT NULL THEN 3        -- retrying: the message says what happened
    WHEN state = 'sending' THEN 2
    ELSE 1                                                      -- queued
END)::smallint;

-- The state that people see.
CREATE FUNCTION shown_state(state text, message text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN state = 'after_header' THEN 'queued'
    WHEN state = 'queued' AND message IS NOT NULL THEN 'retrying'
    ELSE state
END;

ALTER TABLE downstream RENAME COLUMN looks TO checks;
ALTER TABLE downstream RENAME COLUMN next_look TO next_check;
ALTER TABLE way_back RENAME TO write_back;
ALTER TABLE agreed RENAME TO base_version;
UPDATE notice SET event = 'records_failed' WHERE event = 'records_parked';
