WITH RECURSIVE queued AS (
    -- loose index scans: there are few queues, and possibly many rows
    (SELECT p.entity, p.block, p.company FROM pending p WHERE p.own_state = 'queued' ORDER BY p.entity, p.block, p.company LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company FROM queued l, LATERAL (
        SELECT p.entity, p.block, p.company FROM pending p
        WHERE p.own_state = 'queued' AND (p.entity, p.block, p.company) > (l.entity, l.block, l.company)
        ORDER BY p.entity, p.block, p.company LIMIT 1) n
), unknown AS (
    (SELECT p.entity, p.block, p.company FROM pending p WHERE p.own_state = 'unknown' ORDER BY p.entity, p.block, p.company LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company FROM unknown l, LATERAL (
        SELECT p.entity, p.block, p.company FROM pending p
        WHERE p.own_state = 'unknown' AND (p.entity, p.block, p.company) > (l.entity, l.block, l.company)
        ORDER BY p.entity, p.block, p.company LIMIT 1) n
), first AS (
    (SELECT o.entity, o.block, o.company FROM outbox o WHERE o.ready ORDER BY o.entity, o.block, o.company LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company FROM first l, LATERAL (
        SELECT o.entity, o.block, o.company FROM outbox o
        WHERE o.ready AND (o.entity, o.block, o.company) > (l.entity, l.block, l.company)
        ORDER BY o.entity, o.block, o.company LIMIT 1) n
)
SELECT l.entity FROM first l WHERE NOT EXISTS (SELECT FROM flow f WHERE f.company = l.company AND f.entity = l.entity AND f.stopped IS NOT NULL)
UNION
SELECT l.entity FROM queued l WHERE (SELECT 1 FROM pending p WHERE p.own_state = 'queued' AND {claimable} LIMIT 1) IS NOT NULL
UNION
SELECT l.entity FROM unknown l WHERE (SELECT 1 FROM pending p WHERE p.own_state = 'unknown' AND {claimable} LIMIT 1) IS NOT NULL
