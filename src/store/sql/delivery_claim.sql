-- `{state}` and `{look_up}` are replaced in the text and are not parameters, because the index is chosen before the parameters are known
WITH RECURSIVE queue AS (
    -- a loose index scan: there are few companies, and possibly many rows
    (SELECT p.entity, p.block, p.company FROM pending p WHERE p.entity = $1 AND p.block = $2 AND p.own_state = '{state}' ORDER BY p.company LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company FROM queue, LATERAL (
        SELECT p.entity, p.block, p.company FROM pending p
        WHERE p.entity = $1 AND p.block = $2 AND p.own_state = '{state}' AND p.company > queue.company
        ORDER BY p.company LIMIT 1) n
), due AS (
    SELECT q.at, q.delivery_id, q.document_id, q.sent_at
    -- each batch starts with another company, so that no company waits for all deliveries of another one
    FROM (SELECT * FROM queue ORDER BY md5($4::text || company)) l CROSS JOIN LATERAL (
        SELECT p.ctid AS at, p.delivery_id, p.document_id, p.sent_at
        FROM pending p
        WHERE p.own_state = '{state}' AND {claimable}
        ORDER BY p.not_before, p.delivery_id
        LIMIT $3
        FOR UPDATE SKIP LOCKED) q
    LIMIT $3
), held AS (
    -- a person holds the document: its queued deliveries become on_hold; an unknown outcome is still looked up
    SELECT due.delivery_id, h.held_by, h.why FROM due CROSS JOIN LATERAL (SELECT * FROM hold WHERE document_id = due.document_id) h WHERE NOT {look_up}
), held_back AS (
    UPDATE pending p
    SET own_state = 'on_hold', reason = 'on_hold', message = 'held by ' || h.held_by || ': ' || h.why, field = NULL, next_step = $8, since = now()
    FROM held h
    WHERE p.delivery_id = h.delivery_id
    RETURNING p.delivery_id, p.document_id, p.company, p.version, h.why
), held_back_audited AS (
    INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
    SELECT 'on_hold', company, $1, document_id, version, delivery_id, 'tieline', json_build_object('reason', 'on_hold', 'message', why)::text
    FROM held_back
), claimed AS (
    UPDATE pending p
    -- no column of an index changes
    SET batch_id = $4,
        -- a look-up is not an attempt
        attempts = p.attempts + CASE WHEN {look_up} THEN 0 ELSE 1 END,
        sent_at = CASE WHEN {look_up} THEN p.sent_at ELSE now() END
    FROM due
    -- `held` is read twice, so it is made once, before both updates: almost always it has no row
    -- by their places: they are locked, so they stay there. One that was moved before it was locked is found by the next claim
    WHERE p.ctid = due.at AND (SELECT h.delivery_id FROM held h WHERE h.delivery_id = due.delivery_id) IS NULL
    RETURNING p.delivery_id, p.document_id, p.company, p.version, p.run_id, p.block, p.record_key, p.attempts, p.failed_lookups, (extract(epoch FROM now() - due.sent_at) * 1000)::bigint AS sent_ago, p.reason, p.message
), moved AS MATERIALIZED (
    SELECT v.company, v.number FROM moved_mapping v WHERE v.entity = $1 AND v.block = $2
), intent_written AS (
    INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, lease_until)
    SELECT $4, $5, $6, $1, $2, count(*), array_agg(delivery_id), now() + make_interval(secs => $7) FROM claimed HAVING count(*) > 0
), audited AS (
    INSERT INTO event (id, kind, entity, batch_id, actor, documents, records, line)
    SELECT n.id, 'attempted', $1, $4, 'tieline', '{}', 1, event_line(n.id, now(), 'attempted', NULL, $1, $4, NULL, 'tieline',
        json_build_array(json_build_object('detail', json_build_object('block', $2, 'records', n.records, 'look_up', {look_up}, 'deliveries', n.deliveries)))::text)
    FROM (SELECT nextval(pg_get_serial_sequence('event', 'id')) AS id, count(*) AS records, json_agg(delivery_id ORDER BY delivery_id) AS deliveries
          FROM claimed HAVING count(*) > 0) n
)
SELECT c.delivery_id, c.document_id, c.company, d.key, c.version, c.run_id, c.record_key, c.attempts, c.failed_lookups, c.sent_ago,
       dl.payload, dl.payload_hash, dl.refs, dl.expects, r.sys_id, r.target_table AS sys_table, coalesce(r.version >= c.version, false) AS confirmed_before,
       c.reason, c.message AS said, EXISTS (SELECT FROM moved m WHERE m.company = c.company AND m.number = d.mapping) AS elsewhere, true AS known, false AS set_aside
FROM claimed c
-- join from the claimed rows to the other tables, never the other way round
CROSS JOIN LATERAL (SELECT d.key, d.mapping FROM document d WHERE d.id = c.document_id OFFSET 0) d
CROSS JOIN LATERAL (SELECT dl.payload, dl.payload_hash, dl.refs, dl.expects FROM delivery dl WHERE dl.id = c.delivery_id OFFSET 0) dl
LEFT JOIN LATERAL (
    SELECT r.sys_id, r.target_table, r.version FROM record r
    WHERE r.document_id = c.document_id AND r.block = c.block AND r.record_key = c.record_key OFFSET 0) r ON true
UNION ALL
-- deliveries set to on_hold now, so that the caller knows that there may be more
SELECT delivery_id, document_id, company, '', version, NULL, '', 0, 0, NULL, '', ''::bytea, NULL, NULL, NULL, NULL, false, NULL, NULL, false, true, true FROM held_back
