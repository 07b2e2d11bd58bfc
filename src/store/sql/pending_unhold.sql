UPDATE pending p
SET own_state = 'queued', not_before = now(), since = now()
WHERE p.own_state = 'after_header' AND p.delivery_id = ANY(ARRAY(
    SELECT t.delivery_id
    FROM unnest($1::bigint[]) AS d (id)
    CROSS JOIN LATERAL (SELECT t.delivery_id, t.own_state FROM pending t WHERE t.document_id = d.id OFFSET 0) t
    WHERE t.own_state = 'after_header' AND (SELECT 1 FROM pending h WHERE h.document_id = d.id AND h.block = 'header' LIMIT 1) IS NULL
      AND (SELECT 1 FROM outbox h WHERE h.document_id = d.id AND h.block = 'header' LIMIT 1) IS NULL))
