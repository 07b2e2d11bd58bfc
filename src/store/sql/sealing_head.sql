-- What the next seal follows, and up to where events are final: those of transactions older than every open one.
SELECT l.life AS now_life, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS until, now() AS now,
       s.id, s.life, s.day, s.last_leaf, s.to_xid, s.to_id, s.hash, s.peaks,
       (SELECT max(leaf) FROM audit_leaf) AS newest_leaf,
       EXISTS (SELECT FROM audit_seal k WHERE k.removed_at IS NULL AND k.first_leaf <= k.last_leaf) AS with_leaves,
       d.day AS signed_day, substring(d.manifest FROM 'last-leaf ([0-9]+)')::bigint AS signed_leaf,
       EXISTS (SELECT FROM event e WHERE e.life = l.life
               AND e.xid >= coalesce(CASE WHEN s.life = l.life THEN s.to_xid END, 0) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS news
FROM (SELECT max(number) AS life FROM ledger_life) l
LEFT JOIN LATERAL (SELECT * FROM audit_seal ORDER BY id DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT * FROM audit_day ORDER BY day DESC LIMIT 1) d ON true
