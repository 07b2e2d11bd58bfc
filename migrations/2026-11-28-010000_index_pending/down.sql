SET LOCAL statement_timeout = 0;
DROP INDEX pending_due;
CREATE INDEX pending_due ON pending (entity, block, not_before, delivery_id) WHERE state = 'waiting';
DROP INDEX pending_doubt;
CREATE INDEX pending_doubt ON pending (entity, block, not_before, delivery_id) WHERE state = 'in_doubt';
DROP INDEX pending_document;
CREATE INDEX pending_document ON pending (document_id);
