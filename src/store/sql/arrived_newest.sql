-- The newest delivered parts, out of the last events, so that the cost of the query does not depend on the history.
SELECT d.entity, l.block, r.target_table, r.sys_id, r.version, a.event + a.place - 1 AS audit
FROM (SELECT e.id AS event, n.place, n.delivery_id
      FROM (SELECT id, kind, line FROM event ORDER BY id DESC LIMIT 200) e
      CROSS JOIN LATERAL ROWS FROM (json_to_recordset(e.line::json -> 'records') AS (delivery_id bigint)) WITH ORDINALITY AS n (delivery_id, place)
      WHERE e.kind IN ('confirmed', 'looked_up') AND n.delivery_id IS NOT NULL ORDER BY e.id DESC, n.place DESC LIMIT 5000) a
-- from the arrivals to the rest, and never the other way round
CROSS JOIN LATERAL (SELECT l.document_id, l.block, l.record_key FROM delivery l WHERE l.id = a.delivery_id OFFSET 0) l
CROSS JOIN LATERAL (SELECT d.company, d.entity FROM document d WHERE d.id = l.document_id OFFSET 0) d
CROSS JOIN LATERAL (
    SELECT r.target_table, r.sys_id, r.version FROM record r
    WHERE r.document_id = l.document_id AND r.block = l.block AND r.record_key = l.record_key AND r.delivery_id = a.delivery_id OFFSET 0) r
LEFT JOIN LATERAL (SELECT f.accepted_audit FROM flow f WHERE f.company = d.company AND f.entity = d.entity OFFSET 0) f ON true
WHERE a.event + a.place - 1 > coalesce(f.accepted_audit, 0) AND r.sys_id <> ''
  AND (SELECT 1 FROM pending p WHERE p.document_id = l.document_id LIMIT 1) IS NULL
  AND (SELECT 1 FROM outbox o WHERE o.document_id = l.document_id LIMIT 1) IS NULL
  AND (SELECT 1 FROM intent i WHERE l.document_id = ANY(i.documents) LIMIT 1) IS NULL
ORDER BY a.event DESC, a.place DESC
LIMIT $1
