-- What needs a task now: each record that failed, and each open difference of the newest tie-outs. Those that share a cause are one task when
-- they are more than `$1`; a cause that has such a task keeps it until nothing of it is left. `$2`: the most tasks that may be open; what is
-- beyond them gets none, the newest first. The last column says how many were left out.
WITH RECURSIVE f AS MATERIALIZED (
    SELECT DISTINCT ON (p.document_id) p.document_id, p.company, p.entity, d.key, {cause} AS cause, p.message, p.next_step, p.reason,
           coalesce(p.first_failed_at, p.since) AS since
    FROM pending p JOIN document d ON d.id = p.document_id
    WHERE p.own_state = 'failed' AND p.batch_id IS NULL
    ORDER BY p.document_id, p.delivery_id
), c AS (
    SELECT cause, company, entity, count(*) AS records, min(since) AS since, (array_agg(key ORDER BY document_id))[1:10] AS keys,
           (array_agg(message ORDER BY document_id))[1] AS message, (array_agg(next_step ORDER BY document_id))[1] AS next_step,
           (array_agg(reason ORDER BY document_id))[1] AS reason,
           count(*) > $1 OR EXISTS (SELECT FROM task t WHERE t.subject = 'cause ' || f.cause AND t.resolved_at IS NULL) AS together
    FROM f GROUP BY cause, company, entity
), known AS (
    -- the blocks of all tie-outs: one step of the index for each, however many tie-outs there were
    (SELECT b.company, b.entity, b.block FROM tie_out_block b WHERE b.left_out IS NULL AND NOT b.unread AND b.unverified IS NULL
     ORDER BY b.company, b.entity, b.block LIMIT 1)
    UNION ALL
    SELECT n.company, n.entity, n.block
    FROM known k CROSS JOIN LATERAL (
        SELECT b.company, b.entity, b.block FROM tie_out_block b
        WHERE b.left_out IS NULL AND NOT b.unread AND b.unverified IS NULL AND (b.company, b.entity, b.block) > (k.company, k.entity, k.block)
        ORDER BY b.company, b.entity, b.block LIMIT 1) n
), compared AS MATERIALIZED (
    -- the newest tie-out of all periods that compared the block
    SELECT k.company, k.entity, k.block, n.tie_out_id
    FROM known k CROSS JOIN LATERAL (
        SELECT b.tie_out_id FROM tie_out_block b
        WHERE b.company = k.company AND b.entity = k.entity AND b.block = k.block AND b.left_out IS NULL AND NOT b.unread AND b.unverified IS NULL
          AND (SELECT t.state = 'done' AND t.year IS NULL FROM tie_out t WHERE t.id = b.tie_out_id)
        ORDER BY b.tie_out_id DESC LIMIT 1) n
), i AS (
    -- one for each record and cause, however many of its fields differ; a record that failed has a task already
    SELECT i.company, i.entity, i.block, i.document_key, i.record_key, coalesce(i.cause, '') AS cause, min(i.message) AS message,
           min(i.first_seen_at) AS since
    FROM compared n CROSS JOIN LATERAL (
        SELECT i.company, i.entity, i.block, i.document_key, i.record_key, i.cause, i.message, i.first_seen_at, i.open FROM tie_out_item i
        WHERE i.tie_out_id = n.tie_out_id AND i.company = n.company AND i.entity = n.entity AND i.block = n.block OFFSET 0) i
    WHERE i.open AND i.cause IS DISTINCT FROM 'failed'
      AND NOT EXISTS (SELECT FROM f WHERE f.company = i.company AND f.entity = i.entity AND f.key = i.document_key)
    GROUP BY 1, 2, 3, 4, 5, 6
), g AS (
    SELECT company, entity, block, cause, count(*) AS records, min(since) AS since, (array_agg(document_key ORDER BY document_key))[1:10] AS keys,
           count(*) > $1 OR EXISTS (SELECT FROM task t WHERE t.subject = concat_ws(' ', 'differences', i.company, i.entity, i.block, i.cause)
                                      AND t.resolved_at IS NULL) AS together
    FROM i GROUP BY company, entity, block, cause
), w AS (
    SELECT 'cause' AS kind, 'cause ' || cause AS subject, company, entity, NULL::text AS key, cause, records, message, next_step, reason, keys, since
    FROM c WHERE together
    UNION ALL
    SELECT 'record', concat_ws(' ', 'record', f.company, f.entity, f.key), f.company, f.entity, f.key, f.cause, 1, f.message, f.next_step, f.reason,
           ARRAY[f.key], f.since
    FROM f JOIN c ON c.cause = f.cause AND NOT c.together
    UNION ALL
    SELECT 'differences', concat_ws(' ', 'differences', company, entity, block, cause), company, entity, NULL, cause, records, NULL, NULL, NULL, keys, since
    FROM g WHERE together
    UNION ALL
    SELECT 'difference', concat_ws(' ', 'difference', i.company, i.entity, i.block, i.cause, i.document_key, i.record_key), i.company, i.entity,
           i.document_key, i.cause, 1, i.message, NULL, NULL, ARRAY[i.document_key], i.since
    FROM i JOIN g ON (g.company, g.entity, g.block, g.cause) = (i.company, i.entity, i.block, i.cause) AND NOT g.together
), ranked AS (
    SELECT w.*, t.id IS NOT NULL AS known, count(t.id) OVER () AS open,
           row_number() OVER (PARTITION BY t.id IS NULL ORDER BY w.since, w.subject) AS place
    FROM w LEFT JOIN task t ON t.subject = w.subject AND t.resolved_at IS NULL
)
SELECT kind, subject, company, entity, key, nullif(cause, '') AS cause, records, message, next_step, reason, keys, since,
       (SELECT count(*) FROM ranked) AS needed
FROM ranked WHERE known OR place + open <= $2
ORDER BY since, subject
