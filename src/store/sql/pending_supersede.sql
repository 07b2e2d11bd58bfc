DELETE FROM pending p
USING unnest($1::bigint[], $2::text[], $3::text[]) AS n (document_id, block, record_key)
WHERE p.document_id = n.document_id AND p.block = n.block AND p.record_key = n.record_key
  -- what is on its way, or may have arrived, is settled first
  AND p.state IN ('waiting', 'held', 'parked')
RETURNING p.delivery_id, p.document_id, p.version
