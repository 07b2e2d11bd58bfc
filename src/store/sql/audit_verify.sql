-- Each seal with the hash that it must have. Of a seal whose events were removed only the hash is known, and no event may be in its range.
SELECT s.id, s.rows, s.previous, s.hash, s.mark, s.removed_at IS NOT NULL AS removed,
       CASE WHEN s.removed_at IS NULL
            THEN sha256(s.previous || convert_to(coalesce(s.mark, ''), 'UTF8') || coalesce((SELECT string_agg(event_hash(e), ''::bytea ORDER BY e.id)
                 FROM event e WHERE e.xid >= s.from_xid AND e.xid < s.to_xid AND e.life = s.life), ''::bytea))
            WHEN EXISTS (SELECT FROM event e WHERE e.xid >= s.from_xid AND e.xid < s.to_xid AND e.life = s.life) THEN ''::bytea
            ELSE s.hash END AS recomputed
FROM audit_seal s
WHERE s.id > $1
ORDER BY s.id
LIMIT 50
