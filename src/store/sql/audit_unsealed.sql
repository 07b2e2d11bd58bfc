-- Rows of this life after its last seal; the rows of earlier lives are all sealed.
SELECT coalesce(sum(records), 0)::bigint AS rows FROM (
    SELECT a.records FROM event a
    LEFT JOIN LATERAL (SELECT s.life, s.to_xid, s.to_id FROM audit_seal s ORDER BY s.id DESC LIMIT 1) s ON s.life = a.life
    WHERE a.life = (SELECT max(number) FROM ledger_life)
      AND a.xid >= coalesce((SELECT CASE WHEN s.life = (SELECT max(number) FROM ledger_life) THEN s.to_xid ELSE 0 END
                             FROM audit_seal s ORDER BY s.id DESC LIMIT 1), 0)
      -- a seal may end within a transaction
      AND (s.to_id IS NULL OR (a.xid, a.id) >= (s.to_xid, s.to_id))
      -- the numbers of an earlier life may be higher
      AND a.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    LIMIT $1
) unsealed
