-- The oldest seals whose events are still there, and whether these may go. The newest seal keeps its events.
SELECT s.id, s.life, s.from_xid, s.to_xid, s.rows, s.previous, s.hash, s.mark,
       s.at < now() - $1::text::interval AND s.id < (SELECT max(id) FROM audit_seal)
       AND NOT EXISTS (SELECT FROM event e WHERE e.xid >= s.from_xid AND e.xid < s.to_xid AND e.life = s.life AND e.at >= now() - $1::text::interval) AS old
FROM audit_seal s
WHERE s.removed_at IS NULL
ORDER BY s.id
LIMIT $2
