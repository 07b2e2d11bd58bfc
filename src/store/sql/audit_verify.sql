SELECT s.id, s.rows, s.previous, s.hash,
       sha256(s.previous || convert_to(coalesce(s.mark, ''), 'UTF8') || coalesce((SELECT string_agg(event_hash(e), ''::bytea ORDER BY e.id)
         FROM event e WHERE e.xid >= s.from_xid AND e.xid < s.to_xid AND e.life = s.life), ''::bytea)) AS recomputed
FROM audit_seal s
WHERE s.id > $1
ORDER BY s.id
LIMIT 50
