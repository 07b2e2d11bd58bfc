SELECT d.id, d.key, d.version, d.deleted, v.content, v.read_at,
       a.fields::text AS agreed, a.version AS compared, coalesce(a.again, true) AS again,
       r.sys_id, coalesce(p.busy, false) AS busy, l.payload AS unsent, l.action AS unsent_action, l.expects AS unsent_expects
FROM document d
JOIN version v ON v.document_id = d.id AND v.version = d.version
LEFT JOIN base_version a ON a.document_id = d.id
LEFT JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
LEFT JOIN LATERAL (
    SELECT max(q.delivery_id) AS delivery_id, bool_or(q.state IN ('sending', 'unknown')) AS busy
    FROM undelivered q WHERE q.document_id = d.id
) p ON true
LEFT JOIN delivery l ON l.id = p.delivery_id
WHERE d.company = $1 AND d.entity = $2 AND d.id > $3
  -- all documents, or those that may have changed on either side or have an open entry
  AND ($5 OR coalesce(a.again, true) OR a.version IS DISTINCT FROM d.version
       OR EXISTS (SELECT FROM conflict c WHERE c.company = $1 AND c.entity = $2 AND c.subject = d.id::text AND c.state <> 'closed')
       OR EXISTS (SELECT FROM aligned_row w WHERE w.company = $1 AND w.entity = $2 AND w.sys_id = r.sys_id))
ORDER BY d.id
LIMIT $4
