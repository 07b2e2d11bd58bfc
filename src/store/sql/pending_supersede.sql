DELETE FROM pending p
-- a delivery that is in progress, or may have arrived, is settled first
WHERE p.state IN ('queued', 'after_header', 'failed', 'waiting', 'on_hold') AND p.delivery_id = ANY(ARRAY(
    SELECT t.delivery_id
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (document_id, block, record_key)
    CROSS JOIN LATERAL (
        SELECT t.delivery_id FROM pending t
        WHERE t.document_id = n.document_id AND t.block = n.block AND t.record_key = n.record_key OFFSET 0) t))
RETURNING p.delivery_id, p.document_id, p.version, p.run_id, p.block, p.record_key,
          coalesce(p.first_failed_at, CASE WHEN p.message IS NOT NULL THEN p.since END) AS failed_at
