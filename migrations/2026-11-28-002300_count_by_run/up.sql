-- Every delivery belongs to the run that queued it, so that its outcome is counted there, however much later it comes.
ALTER TABLE delivery ADD COLUMN run_id uuid;
ALTER TABLE pending ADD COLUMN run_id uuid;
UPDATE pending p SET run_id = v.run_id FROM version v WHERE v.document_id = p.document_id AND v.version = p.version;
-- without the document: for a look-up by document alone, the planner would read the whole index
CREATE INDEX pending_run ON pending (run_id);

-- The state of a part, as a number: the worse, the higher. A record has the state of its worst part.
CREATE FUNCTION pending_rank(state text, reason text, message text) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (CASE
    WHEN state = 'parked' AND reason = 'missing_parent' THEN 4  -- waiting for a parent
    WHEN state = 'parked' AND reason = 'on_hold' THEN 6         -- a person holds it
    WHEN state = 'parked' THEN 7                                -- failed
    WHEN state = 'in_doubt' THEN 5                              -- unknown
    WHEN state = 'sending' THEN 2                               -- sending
    WHEN state = 'waiting' AND message IS NOT NULL THEN 3     -- retrying: the message says what happened
    ELSE 1                                                      -- queued
END)::smallint;

ALTER TABLE run
    -- records that this run queued for ServiceNow, and their outcomes: `records` = `delivered` + `replaced` + those in `pending`
    ADD COLUMN records bigint NOT NULL DEFAULT 0,
    ADD COLUMN delivered bigint NOT NULL DEFAULT 0,
    ADD COLUMN replaced bigint NOT NULL DEFAULT 0,
    -- the same in parts (headers and lines): `parts` = `confirmed` + `parts_replaced` + those in `pending`
    ADD COLUMN parts bigint NOT NULL DEFAULT 0,
    ADD COLUMN parts_replaced bigint NOT NULL DEFAULT 0,
    DROP COLUMN parked;
