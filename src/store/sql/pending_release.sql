UPDATE pending p
SET state = CASE
        WHEN p.block <> 'header' AND EXISTS (SELECT 1 FROM pending h WHERE h.document_id = p.document_id AND h.block = 'header') THEN 'held'
        ELSE 'waiting' END,
    reason = NULL, message = NULL, field = NULL, next_step = NULL, not_before = now(), since = now(), attempts = 0
WHERE p.document_id = ANY($1) AND p.state = 'parked' AND p.reason = 'missing_parent'
  AND NOT EXISTS (SELECT 1 FROM awaited_parent a WHERE a.document_id = p.document_id)
RETURNING p.delivery_id, p.document_id, p.version
