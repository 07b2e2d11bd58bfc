UPDATE notice SET event = 'records_parked' WHERE event = 'records_failed';
ALTER TABLE base_version RENAME TO agreed;
ALTER TABLE write_back RENAME TO way_back;
ALTER TABLE downstream RENAME COLUMN next_check TO next_look;
ALTER TABLE downstream RENAME COLUMN checks TO looks;
DROP FUNCTION shown_state(text, text);
CREATE OR REPLACE FUNCTION pending_rank(state text, reason text, message text) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (CASE
    WHEN state = 'parked' AND reason = 'missing_parent' THEN 4
    WHEN state = 'parked' AND reason = 'on_hold' THEN 6
    WHEN state = 'parked' THEN 7
    WHEN state = 'in_doubt' THEN 5
    WHEN state = 'sending' THEN 2
    WHEN state = 'waiting' AND message IS NOT NULL THEN 3
    ELSE 1
END)::smallint;
ALTER TABLE pending RENAME COLUMN failed_lookups TO looks;
DROP INDEX pending_stopped;
DROP INDEX pending_unknown;
DROP INDEX pending_queued;
ALTER TABLE pending DROP CONSTRAINT pending_state;
UPDATE pending SET state = CASE
    WHEN state = 'queued' THEN 'waiting'
    WHEN state = 'after_header' THEN 'held'
    WHEN state = 'unknown' THEN 'in_doubt'
    WHEN state IN ('failed', 'waiting', 'on_hold') THEN 'parked'
    ELSE state END;
CREATE INDEX pending_due ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'waiting';
CREATE INDEX pending_doubt ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'in_doubt';
CREATE INDEX pending_parked ON pending (company, entity, reason) WHERE state = 'parked';
