-- Which of these records still have a part that is not delivered.
WITH sent AS MATERIALIZED (
    SELECT u.document_id, i.block, l.record_key
    FROM intent i
    CROSS JOIN LATERAL unnest(i.taken, i.documents) AS u (delivery_id, document_id)
    CROSS JOIN LATERAL (SELECT l.record_key FROM delivery l WHERE l.id = u.delivery_id OFFSET 0) l
    -- in a CASE, so that the server makes one table of the documents, whatever it estimates about their number
    WHERE CASE WHEN i.documents <> '{}' THEN u.document_id IN (SELECT unnest($1::bigint[])) END
)
SELECT n.document_id, n.block, n.record_key FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (document_id, block, record_key)
WHERE CASE
    WHEN (SELECT 1 FROM pending p WHERE p.document_id = n.document_id AND p.block = n.block AND p.record_key = n.record_key LIMIT 1) IS NOT NULL THEN true
    ELSE (n.document_id, n.block, n.record_key) IN (SELECT s.document_id, s.block, s.record_key FROM sent s)
    END
