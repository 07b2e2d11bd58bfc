-- The batches that have parts of these documents.
SELECT b.batch_id FROM unnest($1::bigint[]) AS d (id)
CROSS JOIN LATERAL (SELECT p.batch_id FROM pending p WHERE p.document_id = d.id AND p.batch_id IS NOT NULL OFFSET 0) b
UNION
SELECT i.batch_id FROM intent i CROSS JOIN LATERAL unnest(i.documents) AS u (id)
-- in a CASE, so that the server makes one table of the documents, whatever it estimates about their number
WHERE CASE WHEN i.documents <> '{}' THEN u.id IN (SELECT unnest($1::bigint[])) END
