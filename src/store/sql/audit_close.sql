-- The last seal of a life: it covers all rows of the life after its last seal, possibly none, and states why the life ended.
WITH bounds AS (
    SELECT coalesce((SELECT CASE WHEN s.life = $1 THEN s.to_xid ELSE 0 END FROM audit_seal s ORDER BY s.id DESC LIMIT 1), 0) AS from_xid,
           coalesce((SELECT hash FROM audit_seal ORDER BY id DESC LIMIT 1), decode(repeat('00', 32), 'hex')) AS previous
), final AS (
    SELECT coalesce(sum(e.records), 0) AS rows,
           sha256(b.previous || convert_to($2, 'UTF8') || coalesce(string_agg(event_hash(e), ''::bytea ORDER BY e.id) FILTER (WHERE e.id IS NOT NULL), ''::bytea)) AS hash
    FROM bounds b LEFT JOIN event e ON e.xid >= b.from_xid AND e.life = $1
    GROUP BY b.previous
)
INSERT INTO audit_seal (life, from_xid, to_xid, rows, previous, hash, mark)
SELECT $1, b.from_xid, 9223372036854775807, f.rows, b.previous, f.hash, $2 FROM bounds b, final f
