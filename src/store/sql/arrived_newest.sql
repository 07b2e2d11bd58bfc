-- The newest delivered parts, out of the last audit rows, so that the cost of the query does not depend on the history.
SELECT d.entity, r.block, r.target_table, r.sys_id, r.version, a.id AS audit
FROM (SELECT id, delivery_id FROM (SELECT id, kind, delivery_id FROM audit ORDER BY id DESC LIMIT 5000) a
      WHERE kind IN ('confirmed', 'looked_up') AND delivery_id IS NOT NULL ORDER BY id DESC OFFSET 0) a
JOIN delivery l ON l.id = a.delivery_id JOIN document d ON d.id = l.document_id
JOIN record r ON r.document_id = l.document_id AND r.block = l.block AND r.record_key = l.record_key AND r.delivery_id = l.id
LEFT JOIN flow f ON f.company = d.company AND f.entity = d.entity
WHERE a.id > coalesce(f.accepted_audit, 0) AND r.sys_id <> '' AND NOT EXISTS (SELECT FROM pending p WHERE p.document_id = d.id)
ORDER BY a.id DESC
LIMIT $1
