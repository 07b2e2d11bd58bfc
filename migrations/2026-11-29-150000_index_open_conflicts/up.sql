-- The state of a flow, of a record and of a list of records counts open conflicts. Not CONCURRENTLY: that would wait for a second node, which
-- waits for this migration.
CREATE INDEX conflict_open ON conflict (document_id, company, entity) WHERE state = 'open' AND document_id IS NOT NULL;
