WITH held_back AS (
    -- a person's hold: what came due since it was put is set aside; a doubt is looked at all the same
    UPDATE pending p
    SET state = 'parked', reason = 'on_hold', message = 'held back by ' || h.held_by || ': ' || h.why, field = NULL, next_step = $10, since = now()
    FROM hold h
    WHERE p.document_id = h.document_id AND p.entity = $1 AND p.block = $2 AND p.state = 'waiting' AND NOT $9
    RETURNING p.delivery_id, p.document_id, p.company, p.version, h.why
), held_back_audited AS (
    INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
    SELECT 'parked', company, $1, document_id, version, delivery_id, 'tieline', json_build_object('reason', 'on_hold', 'message', why)::text
    FROM held_back
), due AS (
    SELECT p.delivery_id, p.sent_at
    FROM pending p
    WHERE p.entity = $1 AND p.block = $2 AND p.state = $8 AND p.not_before <= now()
      AND NOT EXISTS (SELECT 1 FROM flow f WHERE f.company = p.company AND f.entity = p.entity AND f.stopped IS NOT NULL)
      AND ($9 OR NOT EXISTS (SELECT 1 FROM hold h WHERE h.document_id = p.document_id))
      -- an earlier version of the same record goes first
      AND (p.version = 1 OR NOT EXISTS (
            SELECT 1 FROM pending e
            WHERE e.document_id = p.document_id AND e.block = p.block AND e.record_key = p.record_key AND e.delivery_id < p.delivery_id))
    ORDER BY p.not_before, p.delivery_id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE pending p
    SET state = 'sending', batch_id = $4,
        -- a look is no try
        attempts = p.attempts + CASE WHEN $9 THEN 0 ELSE 1 END,
        sent_at = CASE WHEN $9 THEN p.sent_at ELSE now() END
    FROM due
    WHERE p.delivery_id = due.delivery_id
    RETURNING p.delivery_id, p.document_id, p.company, p.version, p.block, p.record_key, p.attempts, (extract(epoch FROM now() - due.sent_at) * 1000)::bigint AS sent_ago
), intent_written AS (
    INSERT INTO intent (batch_id, node, incarnation, entity, block, records, lease_until)
    SELECT $4, $5, $6, $1, $2, count(*), now() + make_interval(secs => $7) FROM claimed HAVING count(*) > 0
), audited AS (
    INSERT INTO audit (kind, entity, batch_id, actor, detail)
    SELECT 'attempted', $1, $4, 'tieline', json_build_object('block', $2, 'records', count(*), 'look', $9, 'deliveries', json_agg(delivery_id ORDER BY delivery_id))::text
    FROM claimed HAVING count(*) > 0
)
SELECT c.delivery_id, c.document_id, c.company, d.key, c.version, c.record_key, c.attempts, c.sent_ago,
       dl.payload, dl.refs, dl.expects, r.sys_id, coalesce(r.version >= c.version, false) AS stands
FROM claimed c
JOIN document d ON d.id = c.document_id
JOIN delivery dl ON dl.id = c.delivery_id
LEFT JOIN record r ON r.document_id = c.document_id AND r.block = c.block AND r.record_key = c.record_key
