UPDATE pending p
SET state = 'waiting', not_before = now(), since = now()
WHERE p.document_id = ANY($1) AND p.state = 'held'
  AND NOT EXISTS (SELECT 1 FROM pending h WHERE h.document_id = p.document_id AND h.block = 'header')
