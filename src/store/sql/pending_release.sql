-- `OFFSET 0`, here and in other statements, makes the server run the subquery for each document through the index, whatever it estimates
-- about their number
UPDATE pending p
SET own_state = CASE WHEN p.block <> 'header' AND ((SELECT 1 FROM pending h WHERE h.document_id = p.document_id AND h.block = 'header' LIMIT 1) IS NOT NULL
                      OR (SELECT 1 FROM outbox h WHERE h.document_id = p.document_id AND h.block = 'header' LIMIT 1) IS NOT NULL
                      OR (SELECT 1 FROM intent i WHERE i.block = 'header' AND p.document_id = ANY(i.documents) LIMIT 1) IS NOT NULL)
                 THEN 'after_header' ELSE 'queued' END,
    reason = NULL, message = NULL, field = NULL, next_step = NULL, not_before = now(), since = now(), queued_at = now(), first_failed_at = NULL, attempts = 0
WHERE p.own_state || '' = 'waiting' AND p.delivery_id = ANY(ARRAY(
    SELECT t.delivery_id
    FROM unnest($1::bigint[]) AS d (id)
    CROSS JOIN LATERAL (SELECT t.delivery_id, t.own_state, t.reason FROM pending t WHERE t.document_id = d.id OFFSET 0) t
    WHERE t.own_state = 'waiting'
      AND (SELECT 1 FROM awaited_parent a WHERE a.document_id = d.id LIMIT 1) IS NULL))
RETURNING p.delivery_id, p.document_id, p.version
