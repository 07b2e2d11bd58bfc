SELECT c.*, (
    -- the aligner makes a delivery for a decision for SYSPRO's value: the newest delivery after the decision shows its progress. Its
    -- payload is read as text, so that an unreadable one does not break the list
    SELECT CASE WHEN EXISTS (SELECT FROM pending p WHERE p.delivery_id = d.id) THEN 'outstanding'
                WHEN EXISTS (SELECT FROM record r WHERE r.document_id = d.document_id AND r.delivery_id = d.id) THEN 'delivered' END
    FROM delivery d
    WHERE c.state = 'decided' AND c.side = 'syspro' AND d.document_id = c.document_id AND d.created_at > c.decided_at AND d.action = 'upsert'
      AND (c.field = '@row' OR strpos(d.payload, to_json(c.field)::text || ':' || to_json(c.syspro)::text) > 0)
    ORDER BY d.id DESC
    LIMIT 1
) AS delivery
FROM conflict c
WHERE c.id > $1
  AND ($2 IS NULL OR c.company = $2)
  AND ($3 IS NULL OR c.entity = $3)
  AND ($4 IS NULL OR c.key = $4)
  AND CASE WHEN $5 IS NOT NULL THEN c.state = $5 WHEN cardinality($7::bigint[]) > 0 THEN true ELSE c.state <> 'closed' END
  AND ($6 IS NULL OR c.kind = $6)
  AND (cardinality($7::bigint[]) = 0 OR c.id = ANY($7))
ORDER BY c.id
LIMIT $8
