-- Due deliveries are claimed per company, so that a stopped flow costs the others nothing, however many of its deliveries wait. Whether an
-- earlier delivery of the same record is outstanding takes one index search, however many lines the document has. Not CONCURRENTLY: that
-- would wait for a second node, which waits for this one.
SET LOCAL statement_timeout = 0;
DROP INDEX pending_due;
CREATE INDEX pending_due ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'waiting';
DROP INDEX pending_doubt;
CREATE INDEX pending_doubt ON pending (entity, block, company, not_before, delivery_id) WHERE state = 'in_doubt';
DROP INDEX pending_document;
CREATE INDEX pending_document ON pending (document_id, block, record_key, delivery_id);
