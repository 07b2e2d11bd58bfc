-- What needs a task now: each record that failed, and each open difference of the newest tie-outs. Those that share a cause are one task when
-- they are more than `$1`; a cause that has such a task keeps it until nothing of it is left. `$2`: the most tasks that may be open; what is
-- beyond them gets none, the newest first. The last column says how many were left out.
WITH f AS MATERIALIZED (
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
), compared AS (
    -- the newest tie-out of all periods that compared the block
    SELECT DISTINCT ON (b.company, b.entity, b.block) b.company, b.entity, b.block, b.tie_out_id
    FROM tie_out_block b JOIN tie_out t ON t.id = b.tie_out_id
    WHERE t.state = 'done' AND t.year IS NULL AND b.left_out IS NULL AND NOT b.unread AND b.unverified IS NULL
    ORDER BY b.company, b.entity, b.block, b.tie_out_id DESC
), i AS (
    -- one for each record and cause, however many of its fields differ; a record that failed has a task already
    SELECT i.company, i.entity, i.block, i.document_key, i.record_key, coalesce(i.cause, '') AS cause, min(i.message) AS message,
           min(i.first_seen_at) AS since
    FROM compared n JOIN tie_out_item i USING (tie_out_id, company, entity, block)
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
