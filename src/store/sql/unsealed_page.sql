-- Events from a place on, in their order. Those that have been sealed since that place was read are among them.
SELECT 0::bigint AS leaf, e.id AS event_id, e.id, e.at, e.xid, e.life, e.kind, e.company, e.entity, e.batch_id, e.run_id, e.actor, e.documents,
       e.records, e.line
FROM event e
WHERE e.life = $1 AND e.xid >= $2 AND (e.xid, e.id) >= ($2, $3)
ORDER BY e.xid, e.id
LIMIT $4
