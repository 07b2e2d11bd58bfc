SELECT DISTINCT ON (l.block, l.record_key)
       l.id AS delivery_id, l.version, l.block, l.record_key,
       CASE WHEN p.state IS NOT NULL THEN shown_state(p.state, p.message) WHEN r.delivery_id >= l.id THEN 'delivered' ELSE 'superseded' END AS state,
       p.reason, p.message, p.next_step, p.not_before, r.confirmed_at,
       p.reason = 'missing_parent' AND EXISTS (SELECT FROM awaited_parent a WHERE a.document_id = d.id AND a.absent_since IS NOT NULL) AS absent,
       w.state AS downstream, w.said AS downstream_said, r.sys_id, r.target_table,
       coalesce(r.former, false) AS former, coalesce(r.marked, false) AS marked, l.payload
FROM document d
JOIN delivery l ON l.document_id = d.id
LEFT JOIN undelivered p ON p.document_id = d.id AND p.delivery_id = l.id
LEFT JOIN LATERAL (
    -- the row in the current table, or else the newest in a former one
    SELECT k.*, (SELECT g.action = 'gone' FROM delivery g WHERE g.id = k.delivery_id) AS marked
    FROM (
        SELECT o.delivery_id, o.confirmed_at, o.sys_id, o.target_table, false AS former
        FROM record o WHERE o.document_id = d.id AND o.block = l.block AND o.record_key = l.record_key
        UNION ALL
        SELECT o.delivery_id, o.confirmed_at, o.sys_id, o.target_table, true
        FROM former_record o WHERE o.document_id = d.id AND o.block = l.block AND o.record_key = l.record_key
    ) k
    ORDER BY k.former, k.delivery_id DESC
    LIMIT 1
) r ON true
LEFT JOIN downstream w ON w.document_id = d.id AND w.block = l.block AND w.record_key = l.record_key AND w.delivery_id = l.id
WHERE d.company = $1 AND d.entity = $2 AND d.key = $3
ORDER BY l.block, l.record_key, l.id DESC
