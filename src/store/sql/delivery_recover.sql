WITH dead AS (
    DELETE FROM intent d
    -- in one order, because others lock several as well (batches_hold.sql)
    WHERE d.batch_id = ANY(ARRAY(
        SELECT batch_id FROM intent i
        WHERE lease_until < now() OR ($3 AND node = $1 AND incarnation <> $2) OR ($4 AND node = $1 AND incarnation = $2)
           OR EXISTS (SELECT 1 FROM node n WHERE n.incarnation = i.incarnation AND n.seen_at < now() - make_interval(secs => $5))
        ORDER BY batch_id FOR UPDATE))
    RETURNING batch_id, node, deliveries, taken
), doubtful AS (
    UPDATE pending p
    SET own_state = 'unknown', not_before = now(), since = now(), first_failed_at = coalesce(p.first_failed_at, now()), batch_id = NULL,
        -- the exact time of its request is not known, but it was before now
        sent_at = now(),
        message = 'the sender stopped before the answer was stored', next_step = $6
    FROM (SELECT batch_id, node, unnest(deliveries) AS delivery_id FROM dead) dead
    WHERE p.delivery_id = dead.delivery_id AND p.batch_id = dead.batch_id
    RETURNING p.delivery_id, p.document_id, p.version, dead.batch_id, dead.node
), lost AS MATERIALIZED (
    -- what a batch took from the outbox has a row of its own from now on
    SELECT l.delivery_id, l.batch_id, l.node, d.document_id, d.version, d.block, d.record_key, d.run_id, d.created_at, t.company, t.entity
    FROM (SELECT batch_id, node, unnest(taken) AS delivery_id FROM dead) l
    CROSS JOIN LATERAL (SELECT * FROM delivery d WHERE d.id = l.delivery_id OFFSET 0) d
    CROSS JOIN LATERAL (SELECT t.company, t.entity FROM document t WHERE t.id = d.document_id OFFSET 0) t
), put AS (
    INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, message, next_step, attempts, sent_at,
                         run_id, first_failed_at, queued_at)
    SELECT delivery_id, document_id, company, entity, version, block, record_key, 'unknown', 'the sender stopped before the answer was stored', $6, 1,
           now(), run_id, now(), created_at
    FROM lost
), unknown AS (
    SELECT delivery_id, document_id, version, batch_id, node FROM doubtful
    UNION ALL
    SELECT delivery_id, document_id, version, batch_id, node FROM lost
), audited AS (
    INSERT INTO event (id, kind, batch_id, actor, documents, records, line)
    SELECT n.id, 'unknown', n.batch_id, 'tieline', n.documents, n.records,
           event_line(n.id, now(), 'unknown', NULL, NULL, n.batch_id, NULL, 'tieline', '[' || n.lines || ']')
    FROM (SELECT nextval(pg_get_serial_sequence('event', 'id')) AS id, batch_id, array_agg(DISTINCT document_id) AS documents, count(*) AS records,
                 string_agg(event_record(document_id, version, delivery_id, json_build_object(
                     'why', 'the sender stopped before the answer was stored', 'node', node)::text), ',' ORDER BY delivery_id) AS lines
          FROM unknown GROUP BY batch_id, node) n
)
SELECT count(*) AS count FROM unknown
