-- Rows of this life after its last seal; the rows of earlier lives are all sealed.
WITH last AS MATERIALIZED (
    SELECT l.life, s.to_xid, s.to_id
    FROM (SELECT max(number) AS life FROM ledger_life) l
    LEFT JOIN LATERAL (SELECT s.life, s.to_xid, s.to_id FROM audit_seal s ORDER BY s.id DESC LIMIT 1) s ON s.life = l.life
)
SELECT coalesce(sum(records), 0)::bigint AS rows FROM (
    SELECT a.records FROM event a
    WHERE a.life = (SELECT life FROM last) AND a.xid >= coalesce((SELECT to_xid FROM last), 0)
      -- a seal may end within a transaction
      AND ((SELECT to_id FROM last) IS NULL OR (a.xid, a.id) >= ((SELECT to_xid FROM last), (SELECT to_id FROM last)))
      -- the numbers of an earlier life may be higher
      AND a.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    LIMIT $1
) unsealed
