SELECT DISTINCT ON (l.block, l.record_key)
       l.id AS delivery_id, l.version, l.block, l.record_key,
       CASE WHEN p.state IS NOT NULL THEN p.state WHEN r.delivery_id >= l.id THEN 'confirmed' ELSE 'superseded' END AS state,
       p.reason, p.message, p.next_step, p.not_before, r.confirmed_at,
       p.reason = 'missing_parent' AND EXISTS (SELECT FROM awaited_parent a WHERE a.document_id = d.id AND a.absent_since IS NOT NULL) AS absent,
       w.state AS downstream, w.said AS downstream_said, r.sys_id, r.target_table, l.payload
FROM document d
JOIN delivery l ON l.document_id = d.id
LEFT JOIN pending p ON p.delivery_id = l.id
LEFT JOIN record r ON r.document_id = d.id AND r.block = l.block AND r.record_key = l.record_key
LEFT JOIN downstream w ON w.document_id = d.id AND w.block = l.block AND w.record_key = l.record_key AND w.delivery_id = l.id
WHERE d.company = $1 AND d.entity = $2 AND d.key = $3
ORDER BY l.block, l.record_key, l.id DESC
