INSERT INTO downstream (document_id, block, record_key, delivery_id, company, entity, next_check)
SELECT n.document_id, $1, n.record_key, n.delivery_id, d.company, d.entity, n.next_poll
FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[]) AS n (document_id, record_key, delivery_id, next_poll)
JOIN document d ON d.id = n.document_id
ON CONFLICT (document_id, block, record_key) DO UPDATE
SET delivery_id = excluded.delivery_id, state = 'open', said = NULL, arrived_at = now(), checks = 0, next_check = excluded.next_check, ended_at = NULL,
    -- the same delivery again is an automatic resend; another delivery starts from zero
    replays = CASE WHEN downstream.delivery_id = excluded.delivery_id THEN downstream.replays ELSE 0 END
WHERE downstream.delivery_id <= excluded.delivery_id
