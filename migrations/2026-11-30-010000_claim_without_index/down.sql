SET LOCAL statement_timeout = 0;
DROP INDEX record_shared_row;
CREATE INDEX record_sys_id ON record (sys_id);
DROP INDEX pending_queued;
DROP INDEX pending_unknown;
DROP INDEX pending_stopped;
ALTER TABLE pending DROP COLUMN state, DROP CONSTRAINT pending_state;
ALTER TABLE pending RENAME COLUMN own_state TO state;
UPDATE pending SET state = 'sending' WHERE batch_id IS NOT NULL;
ALTER TABLE pending
    ADD CONSTRAINT pending_state CHECK (state IN ('queued', 'after_header', 'sending', 'unknown', 'failed', 'waiting', 'on_hold'));
ALTER TABLE pending RESET (fillfactor);
ALTER TABLE intent DROP COLUMN deliveries;
CREATE INDEX pending_batch ON pending (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX pending_queued ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'queued';
CREATE INDEX pending_unknown ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'unknown';
CREATE INDEX pending_stopped ON pending (state, company, entity, reason) WHERE state IN ('failed', 'waiting', 'on_hold');
