-- Takes up to $3 deliveries of a queue out of the outbox. A document that a person holds is not sent: its deliveries move to `pending`.
WITH RECURSIVE queue AS (
    -- a loose index scan: there are few companies, and possibly many rows
    (SELECT o.entity, o.block, o.company, cardinality(o.deliveries) AS records
     FROM outbox o WHERE o.entity = $1 AND o.block = $2 AND o.ready ORDER BY o.company, o.id LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company, n.records FROM queue, LATERAL (
        SELECT o.entity, o.block, o.company, cardinality(o.deliveries) AS records FROM outbox o
        WHERE o.entity = $1 AND o.block = $2 AND o.ready AND o.company > queue.company
        ORDER BY o.company, o.id LIMIT 1) n
), found AS MATERIALIZED (
    SELECT q.*
    -- each batch starts with another company, so that no company waits for all deliveries of another one
    FROM (SELECT * FROM queue ORDER BY md5($4::text || company)) l CROSS JOIN LATERAL (
        SELECT o.ctid AS at, o.* FROM outbox o
        WHERE o.ready AND o.entity = l.entity AND o.block = l.block AND o.company = l.company
          AND NOT EXISTS (SELECT FROM flow f WHERE f.company = l.company AND f.entity = l.entity AND f.stopped IS NOT NULL)
        ORDER BY o.id
        -- as many rows as the first one lets expect
        LIMIT $3 / l.records + 1
        FOR UPDATE SKIP LOCKED) q
    LIMIT $3
), due AS MATERIALIZED (
    SELECT f.at, f.deliveries[:($3 - f.before)::integer] AS taken, f.deliveries[($3 - f.before)::integer + 1:] AS rest,
           (SELECT 1 FROM hold h WHERE h.document_id = f.document_id) IS NOT NULL AS held
    FROM (SELECT *, sum(cardinality(deliveries)) OVER (ROWS UNBOUNDED PRECEDING) - cardinality(deliveries) AS before FROM found) f
    WHERE f.before < $3
), gone AS (
    -- by their places: they are locked, so they stay there. One that was moved before it was locked is found by the next claim
    DELETE FROM outbox o WHERE o.ctid = ANY(ARRAY(SELECT d.at FROM due d WHERE d.held OR cardinality(d.rest) = 0))
    RETURNING o.document_id, o.company, o.version, o.run_id, o.known, o.queued_at, o.deliveries
), cut AS (
    -- the last row may have more deliveries than the batch takes
    UPDATE outbox o SET deliveries = (SELECT d.rest FROM due d WHERE d.at = o.ctid)
    WHERE o.ctid = ANY(ARRAY(SELECT d.at FROM due d WHERE NOT d.held AND cardinality(d.rest) > 0))
    RETURNING o.document_id, o.company, o.version, o.run_id, o.known
), held_back AS (
    INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message, next_step, run_id, queued_at)
    SELECT u.delivery_id, g.document_id, g.company, $1, g.version, $2, l.record_key, 'on_hold', 'on_hold', 'held by ' || h.held_by || ': ' || h.why, $8, g.run_id, g.queued_at
    FROM gone g
    CROSS JOIN LATERAL (SELECT * FROM hold h WHERE h.document_id = g.document_id OFFSET 0) h
    CROSS JOIN LATERAL unnest(g.deliveries) AS u (delivery_id)
    CROSS JOIN LATERAL (SELECT l.record_key FROM delivery l WHERE l.id = u.delivery_id OFFSET 0) l
    RETURNING delivery_id, document_id, company, version
), held_back_audited AS (
    INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
    SELECT 'on_hold', b.company, $1, b.document_id, b.version, b.delivery_id, 'tieline', json_build_object('reason', 'on_hold', 'message', h.why)::text
    FROM held_back b CROSS JOIN LATERAL (SELECT * FROM hold h WHERE h.document_id = b.document_id OFFSET 0) h
), claimed AS MATERIALIZED (
    SELECT u.delivery_id, t.document_id, t.company, t.version, t.run_id, t.known
    FROM (
        SELECT g.document_id, g.company, g.version, g.run_id, g.known, g.deliveries FROM gone g
        WHERE (SELECT 1 FROM hold h WHERE h.document_id = g.document_id) IS NULL
        UNION ALL
        SELECT c.document_id, c.company, c.version, c.run_id, c.known, d.taken FROM cut c, due d WHERE NOT d.held AND cardinality(d.rest) > 0
    ) t
    CROSS JOIN LATERAL unnest(t.deliveries) AS u (delivery_id)
), moved AS MATERIALIZED (
    SELECT v.company, v.number FROM moved_mapping v WHERE v.entity = $1 AND v.block = $2
), intent_written AS (
    INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, taken, documents, lease_until)
    SELECT $4, $5, $6, $1, $2, count(*), '{}', array_agg(delivery_id), array_agg(document_id), now() + make_interval(secs => $7)
    FROM claimed HAVING count(*) > 0
), audited AS (
    INSERT INTO event (id, kind, entity, batch_id, actor, documents, records, line)
    SELECT n.id, 'attempted', $1, $4, 'tieline', '{}', 1, event_line(n.id, now(), 'attempted', NULL, $1, $4, NULL, 'tieline',
        json_build_array(json_build_object('detail', json_build_object('block', $2, 'records', n.records, 'look_up', false, 'deliveries', n.deliveries)))::text)
    FROM (SELECT nextval(pg_get_serial_sequence('event', 'id')) AS id, count(*) AS records, json_agg(delivery_id ORDER BY delivery_id) AS deliveries
          FROM claimed HAVING count(*) > 0) n
)
SELECT c.delivery_id, c.document_id, c.company, d.key, c.version, c.run_id, dl.record_key, 1 AS attempts, 0 AS failed_lookups, NULL::bigint AS sent_ago,
       dl.payload, dl.payload_hash, dl.refs, dl.expects, r.sys_id, r.target_table AS sys_table, coalesce(r.version >= c.version, false) AS confirmed_before,
       NULL AS reason, NULL AS said, EXISTS (SELECT FROM moved m WHERE m.company = c.company AND m.number = d.mapping) AS elsewhere, c.known, false AS set_aside
FROM claimed c
-- join from the claimed rows to the other tables, never the other way round
CROSS JOIN LATERAL (SELECT d.key, d.mapping FROM document d WHERE d.id = c.document_id OFFSET 0) d
CROSS JOIN LATERAL (SELECT dl.record_key, dl.payload, dl.payload_hash, dl.refs, dl.expects FROM delivery dl WHERE dl.id = c.delivery_id OFFSET 0) dl
LEFT JOIN LATERAL (
    SELECT r.sys_id, r.target_table, r.version FROM record r
    WHERE c.known AND r.document_id = c.document_id AND r.block = $2 AND r.record_key = dl.record_key OFFSET 0) r ON true
UNION ALL
-- deliveries set to on_hold now, so that the caller knows that there may be more
SELECT delivery_id, document_id, company, '', version, NULL, '', 0, 0, NULL, '', ''::bytea, NULL, NULL, NULL, NULL, false, NULL, NULL, false, true, true FROM held_back
