-- Events of a life from one place up to another, in their order: first the places alone, because the lines are long.
WITH page AS MATERIALIZED (
    SELECT e.xid, e.id FROM event e
    WHERE e.life = $1 AND e.xid >= $2 AND e.xid <= $4 AND (e.xid, e.id) >= ($2, $3) AND (e.xid, e.id) < ($4, $5)
    ORDER BY e.xid, e.id LIMIT $6
)
SELECT p.xid, p.id, e.at, e.records, e.line
FROM (SELECT * FROM page ORDER BY xid, id) p
CROSS JOIN LATERAL (SELECT e.at, e.records, e.line FROM event e WHERE e.id = p.id OFFSET 0) e
