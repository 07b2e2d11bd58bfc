-- Leaves in their order, each with its event as far as there is one.
SELECT l.leaf, l.event_id, e.id, e.at, e.xid, e.life, e.kind, e.company, e.entity, e.batch_id, e.run_id, e.actor, e.documents, e.records, e.line
FROM (SELECT leaf, event_id FROM audit_leaf WHERE leaf > $1 AND leaf <= $2 ORDER BY leaf LIMIT $3) l
LEFT JOIN LATERAL (SELECT * FROM event e WHERE e.id = l.event_id OFFSET 0) e ON true
ORDER BY l.leaf
