WITH due AS (
    SELECT w.document_id, w.block, w.record_key
    FROM downstream w
    WHERE w.entity = $1 AND w.block = $2 AND w.state = 'open' AND w.next_check <= now()
    ORDER BY w.next_check, w.document_id, w.record_key
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
-- if the process dies during a poll, the next poll takes the record
UPDATE downstream w SET next_check = now() + make_interval(secs => $4)
FROM due, document d, record r LEFT JOIN delivery l ON l.id = r.delivery_id
WHERE w.document_id = due.document_id AND w.block = due.block AND w.record_key = due.record_key AND d.id = w.document_id
  AND r.document_id = w.document_id AND r.block = w.block AND r.record_key = w.record_key
RETURNING w.document_id, w.record_key, w.delivery_id, w.company, d.key, r.version, coalesce(l.payload_hash, ''::bytea) AS payload_hash, r.sys_id, w.checks AS polls, w.replays,
          extract(epoch FROM now() - w.arrived_at)::bigint AS age
