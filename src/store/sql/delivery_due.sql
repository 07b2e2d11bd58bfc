WITH RECURSIVE waiting AS (
    -- loose index scans: the queues are few, the rows may be many
    (SELECT p.entity, p.block, p.company FROM pending p WHERE p.state = 'waiting' ORDER BY p.entity, p.block, p.company LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company FROM waiting l, LATERAL (
        SELECT p.entity, p.block, p.company FROM pending p
        WHERE p.state = 'waiting' AND (p.entity, p.block, p.company) > (l.entity, l.block, l.company)
        ORDER BY p.entity, p.block, p.company LIMIT 1) n
), doubtful AS (
    (SELECT p.entity, p.block, p.company FROM pending p WHERE p.state = 'in_doubt' ORDER BY p.entity, p.block, p.company LIMIT 1)
    UNION ALL
    SELECT n.entity, n.block, n.company FROM doubtful l, LATERAL (
        SELECT p.entity, p.block, p.company FROM pending p
        WHERE p.state = 'in_doubt' AND (p.entity, p.block, p.company) > (l.entity, l.block, l.company)
        ORDER BY p.entity, p.block, p.company LIMIT 1) n
)
SELECT l.entity FROM waiting l WHERE (SELECT 1 FROM pending p WHERE p.state = 'waiting' AND {claimable} LIMIT 1) IS NOT NULL
UNION
SELECT l.entity FROM doubtful l WHERE (SELECT 1 FROM pending p WHERE p.state = 'in_doubt' AND {claimable} LIMIT 1) IS NOT NULL
