SELECT c.id, c.document_id, c.key, c.field, c.syspro, c.servicenow, c.said,
       -- SYSPRO has accepted these very values, and nobody has decided again since
       coalesce(w.state = 'accepted' AND w.was = c.syspro AND w.wanted = c.servicenow
                AND w.called_at > coalesce(c.decided_at, '-infinity'), false) AS accepted
FROM conflict c
LEFT JOIN write_back w ON w.document_id = c.document_id AND w.field = c.field
WHERE c.company = $1 AND c.entity = $2 AND c.state = 'to_apply' AND c.document_id > $3 AND c.field <> '@row'
ORDER BY c.document_id, c.id
LIMIT $4
