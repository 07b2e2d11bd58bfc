-- The first event without a leaf that no seal will cover any more: it was put before the end of the newest seal, or into a life that has ended
-- or does not exist.
SELECT e.id, coalesce((SELECT min(s.first_leaf) FROM audit_seal s WHERE s.life = e.life AND (s.to_xid, s.to_id) > (e.xid, e.id)), 0) AS leaf
FROM event e
CROSS JOIN (SELECT max(number) AS life FROM ledger_life) l
LEFT JOIN LATERAL (SELECT s.life, s.to_xid, s.to_id FROM audit_seal s WHERE s.first_leaf IS NOT NULL ORDER BY s.id DESC LIMIT 1) s ON true
LEFT JOIN audit_leaf n ON n.event_id = e.id
WHERE n.leaf IS NULL AND (e.life <> l.life OR s.life = l.life AND (e.xid, e.id) < (s.to_xid, s.to_id))
ORDER BY e.life, e.xid, e.id
LIMIT 1
