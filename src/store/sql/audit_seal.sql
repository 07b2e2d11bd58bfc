-- Events of transactions older than every open one are final: no event can be added among them.
WITH bounds AS (
    SELECT l.life, coalesce((SELECT CASE WHEN s.life = l.life THEN s.to_xid ELSE 0 END FROM audit_seal s ORDER BY s.id DESC LIMIT 1), 0) AS from_xid,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS to_xid,
           coalesce((SELECT hash FROM audit_seal ORDER BY id DESC LIMIT 1), decode(repeat('00', 32), 'hex')) AS previous
    FROM (SELECT max(number) AS life FROM ledger_life) l
), final AS (
    SELECT sum(e.records) AS rows,
           sha256(b.previous || coalesce(string_agg(event_hash(e), ''::bytea ORDER BY e.id), ''::bytea)) AS hash
    FROM bounds b JOIN event e ON e.xid >= b.from_xid AND e.xid < b.to_xid AND e.life = b.life
    GROUP BY b.previous
)
INSERT INTO audit_seal (life, from_xid, to_xid, rows, previous, hash)
SELECT b.life, b.from_xid, b.to_xid, f.rows, b.previous, f.hash FROM bounds b, final f WHERE f.rows > 0
RETURNING rows
