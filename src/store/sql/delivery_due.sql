SELECT l.entity, l.block,
       (SELECT count(*) FROM (SELECT 1 FROM pending p WHERE p.state = 'waiting' AND p.entity = l.entity AND p.block = l.block AND p.not_before <= now() LIMIT 1000) w) AS waiting,
       (SELECT count(*) FROM (SELECT 1 FROM pending p WHERE p.state = 'in_doubt' AND p.entity = l.entity AND p.block = l.block AND p.not_before <= now() LIMIT 1000) q) AS in_doubt
FROM (
    -- a loose index scan: the lanes are few, the rows may be many
    WITH RECURSIVE lane AS (
        (SELECT entity, block FROM pending WHERE state = 'waiting' ORDER BY entity, block LIMIT 1)
        UNION ALL
        SELECT n.entity, n.block FROM lane, LATERAL (
            SELECT p.entity, p.block FROM pending p WHERE p.state = 'waiting' AND (p.entity, p.block) > (lane.entity, lane.block)
            ORDER BY p.entity, p.block LIMIT 1) n
    )
    SELECT entity, block FROM lane
    UNION
    SELECT entity, block FROM pending WHERE state = 'in_doubt'
) l
