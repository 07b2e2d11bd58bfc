-- Rows of transactions older than every open one are final: nothing can appear among them any more.
WITH bounds AS (
    SELECT coalesce((SELECT to_xid FROM audit_seal ORDER BY id DESC LIMIT 1), 0) AS from_xid,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS to_xid,
           coalesce((SELECT hash FROM audit_seal ORDER BY id DESC LIMIT 1), decode(repeat('00', 32), 'hex')) AS previous
), final AS (
    SELECT count(*) AS rows,
           sha256(b.previous || coalesce(string_agg(sha256(convert_to(concat_ws('|', a.id, extract(epoch FROM a.at), a.kind, a.company, a.entity,
               a.document_id, a.version, a.delivery_id, a.batch_id, a.run_id, a.actor, a.detail), 'UTF8')), ''::bytea ORDER BY a.id), ''::bytea)) AS hash
    FROM bounds b JOIN audit a ON a.xid >= b.from_xid AND a.xid < b.to_xid
    GROUP BY b.previous
)
INSERT INTO audit_seal (from_xid, to_xid, rows, previous, hash)
SELECT b.from_xid, b.to_xid, f.rows, b.previous, f.hash FROM bounds b, final f WHERE f.rows > 0
RETURNING rows
