-- A row of ServiceNow belongs to one record. The unique index prevents two nodes from confirming one row for two records at the same
-- moment. A settle checks the index first, so that the record that comes late fails with a message that names the row. Not CONCURRENTLY:
-- that would wait for a second node, which waits for this one.
SET LOCAL statement_timeout = 0;
-- false: another record had the row before this was checked, or an alignment linked it
ALTER TABLE record ADD COLUMN own_row boolean NOT NULL DEFAULT true;
UPDATE record SET own_row = false WHERE sys_id = '';
UPDATE record r SET own_row = false
FROM (
    SELECT document_id, block, record_key, row_number() OVER (PARTITION BY sys_id, target_table ORDER BY delivery_id, document_id, record_key) AS place
    FROM record
    WHERE own_row
) n
WHERE n.place > 1 AND r.document_id = n.document_id AND r.block = n.block AND r.record_key = n.record_key;
CREATE UNIQUE INDEX record_row ON record (sys_id, target_table) WHERE own_row;
-- fields that ServiceNow stored differently from what was sent; null: none
ALTER TABLE record ADD COLUMN partial text[];
CREATE INDEX record_partial ON record (document_id) WHERE partial IS NOT NULL;
