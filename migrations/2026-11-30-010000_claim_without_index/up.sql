-- A claim marks a delivery with its batch, and changes no column of an index: the new row goes to the same page, and no index gets an entry.
-- `own_state` is the state while no batch has the delivery. `state`, which everybody reads, follows from it and from the batch.
SET LOCAL statement_timeout = 0;
DROP INDEX pending_queued;
DROP INDEX pending_unknown;
DROP INDEX pending_stopped;
DROP INDEX pending_batch;
-- the deliveries of a batch, by which an interrupted one is found again
ALTER TABLE intent ADD COLUMN deliveries bigint[] NOT NULL DEFAULT '{}';
UPDATE intent i SET deliveries = ARRAY(SELECT p.delivery_id FROM pending p WHERE p.batch_id = i.batch_id);
ALTER TABLE intent ALTER COLUMN deliveries DROP DEFAULT;
ALTER TABLE pending DROP CONSTRAINT pending_state;
ALTER TABLE pending RENAME COLUMN state TO own_state;
-- a delivery in progress was sent, and may have arrived
UPDATE pending SET own_state = CASE WHEN sent_at IS NULL THEN 'queued' ELSE 'unknown' END WHERE own_state = 'sending';
ALTER TABLE pending
    ADD CONSTRAINT pending_state CHECK (own_state IN ('queued', 'after_header', 'unknown', 'failed', 'waiting', 'on_hold')),
    ADD COLUMN state text NOT NULL GENERATED ALWAYS AS (CASE WHEN batch_id IS NULL THEN own_state ELSE 'sending' END) STORED;
-- room for the new row on the same page
ALTER TABLE pending SET (fillfactor = 45);
CREATE INDEX pending_queued ON pending (entity, block, company, not_before, delivery_id) WHERE own_state = 'queued';
CREATE INDEX pending_unknown ON pending (entity, block, company, not_before, delivery_id) WHERE own_state = 'unknown';
CREATE INDEX pending_stopped ON pending (own_state, company, entity, reason) WHERE own_state IN ('failed', 'waiting', 'on_hold');

-- Nearly every row of ServiceNow belongs to one record, and is found through the unique index of those.
DROP INDEX record_sys_id;
CREATE INDEX record_shared_row ON record (sys_id) WHERE NOT own_row;
