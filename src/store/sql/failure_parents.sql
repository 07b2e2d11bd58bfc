-- The parents that the records of some causes wait for, and the states of these parents.
WITH waiting AS (
    SELECT DISTINCT {cause} AS cause, p.document_id
    FROM pending p
    WHERE p.own_state = 'waiting' AND {cause} = ANY($1)
), counted AS (
    SELECT w.cause, a.company, a.entity, a.key, count(*) AS documents, max(a.absent_why) AS absent, max(a.absent_since) AS absent_since
    FROM waiting w JOIN awaited_parent a ON a.document_id = w.document_id
    GROUP BY w.cause, a.company, a.entity, a.key
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY cause ORDER BY documents DESC, entity, key) AS rank, count(*) OVER (PARTITION BY cause) AS parents
    FROM counted
)
SELECT r.cause, r.company, r.entity, r.key, r.documents, r.parents, r.absent, r.absent_since, d.id IS NOT NULL AS known, coalesce(d.deleted, false) AS deleted,
       q.reason, q.message,
       EXISTS (SELECT FROM moved_mapping v WHERE v.company = d.company AND v.entity = d.entity AND v.number = d.mapping AND v.block = 'header')
       AND EXISTS (SELECT FROM record o WHERE o.document_id = d.id AND o.block = 'header' AND o.record_key = '') AS elsewhere
FROM ranked r
LEFT JOIN document d ON d.company = r.company AND d.entity = r.entity AND d.key = r.key
LEFT JOIN LATERAL (
    SELECT coalesce(p.reason, shown_state(p.state, p.message)) AS reason, p.message
    FROM undelivered p WHERE p.document_id = d.id
    ORDER BY p.state IN ('failed', 'waiting', 'on_hold') DESC, p.block <> 'header', p.delivery_id
    LIMIT 1
) q ON true
WHERE r.rank <= $2
ORDER BY r.cause, r.rank
