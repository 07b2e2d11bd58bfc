SELECT p.delivery_id, p.document_id, p.company, p.entity, d.key, p.version, p.block, p.record_key, shown_state(p.state, p.message) AS state, p.reason, p.message, p.field, p.next_step,
       {cause} AS cause, p.attempts, p.since, p.not_before,
       coalesce(p.first_failed_at, p.since) AS first_failed_at, d.amount::text AS amount, d.currency
FROM pending p JOIN document d ON d.id = p.document_id
WHERE (p.own_state IN ('failed', 'waiting', 'on_hold', 'unknown') OR (p.own_state = 'queued' AND p.message IS NOT NULL)) AND p.batch_id IS NULL
  AND ($1 IS NULL OR p.company = $1)
  AND ($2 IS NULL OR p.entity = $2)
  AND ($3 IS NULL OR p.reason = $3 OR shown_state(p.state, p.message) = $3)
  AND ($4 IS NULL OR p.message ILIKE '%' || $4 || '%')
  AND {after}
  AND ($7 IS NULL OR d.key = $7)
  AND ($8 IS NULL OR p.since >= $8)
  AND ($9 IS NULL OR p.since < $9)
  AND ($10 IS NULL OR {cause} = $10)
ORDER BY {order}
LIMIT $6
