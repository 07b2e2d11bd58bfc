-- The earlier tie-out whose results count as long as neither system nor the ledger has changed: on the same basis, with everything verified,
-- and without a difference. `$1`, `$2`: company and entity; an empty entity: the sub-ledger. `$3`: the basis.
SELECT r.tie_out_id, r.read_at, r.snapshot
FROM tie_out_read r
JOIN tie_out t ON t.id = r.tie_out_id
WHERE r.company = $1 AND r.entity = $2 AND r.basis = $3 AND r.complete AND t.state = 'done'
  AND r.life = (SELECT max(number) FROM ledger_life)
  -- ServiceNow's rows are those with which it was compared
  AND NOT EXISTS (SELECT FROM tie_out_listing l WHERE l.company = $1 AND l.entity = $2 AND l.listed_at > t.ended_at)
  AND NOT EXISTS (SELECT FROM tie_out_item i WHERE i.tie_out_id = t.id AND i.company = $1 AND i.entity = $2)
  AND NOT EXISTS (
      SELECT FROM tie_out_block b WHERE b.tie_out_id = t.id AND b.company = $1 AND b.entity = $2 AND (b.unverified IS NOT NULL OR b.unread))
  AND NOT EXISTS (
      SELECT FROM tie_out_bucket b WHERE b.tie_out_id = t.id AND b.company = $1 AND b.entity = $2 AND b.verdict <> 'tied')
