UPDATE aligned_row a
SET document_id = o.document_id, of_other = o.other
FROM (
    SELECT r.sys_id, max(d.id) FILTER (WHERE d.company = $1 AND d.entity = $2) AS document_id,
           bool_and(d.company <> $1 OR d.entity <> $2) AS other
    -- each of the two has an index of its own
    FROM (SELECT document_id, sys_id FROM record WHERE own_row UNION ALL SELECT document_id, sys_id FROM record WHERE NOT own_row) r
    JOIN document d ON d.id = r.document_id
    WHERE r.sys_id IN (SELECT w.sys_id FROM aligned_row w WHERE w.company = $1 AND w.entity = $2)
    GROUP BY r.sys_id
) o
WHERE a.company = $1 AND a.entity = $2 AND a.sys_id = o.sys_id AND (NOT o.other OR a.source_key = '')
