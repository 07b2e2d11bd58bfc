-- Finds records that were mapped under another definition directly, however many were mapped under the one in force. Not CONCURRENTLY: that
-- would wait for a second node, which waits for this one.
SET LOCAL statement_timeout = 0;
CREATE INDEX document_mapped ON document (company, entity, mapping, key)
    WHERE NOT (key >= '(' AND key < ')' AND (key LIKE '(row %)' OR key LIKE '(first row%)'));
