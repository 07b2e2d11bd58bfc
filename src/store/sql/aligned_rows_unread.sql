SELECT d.id AS document_id, r.sys_id
FROM document d
JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
LEFT JOIN base_version a ON a.document_id = d.id
WHERE d.company = $1 AND d.entity = $2 AND d.id > $3
  AND (coalesce(a.again, true) OR a.version IS DISTINCT FROM d.version
       OR EXISTS (SELECT FROM conflict c WHERE c.company = $1 AND c.entity = $2 AND c.subject = d.id::text AND c.state <> 'closed'))
  AND NOT EXISTS (SELECT FROM aligned_row w WHERE w.company = $1 AND w.entity = $2 AND w.sys_id = r.sys_id)
  AND NOT EXISTS (SELECT FROM undelivered q WHERE q.document_id = d.id AND q.state IN ('sending', 'unknown'))
ORDER BY d.id
LIMIT $4
