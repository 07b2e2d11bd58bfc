SELECT f.paused_at, (SELECT json_agg(json_build_object('field', c.field, 'syspro', c.syspro, 'servicenow', c.servicenow) ORDER BY c.id)::text
        FROM conflict c WHERE c.document_id = d.id AND c.state = 'open') AS conflicts,
       f.stopped, h.held_by, h.held_at, h.why, n.alive, n.nodes_paused_until, n.blocked,
       -- mapped under a definition that sent it to another table
       EXISTS (SELECT FROM moved_mapping v WHERE v.company = $1 AND v.entity = $2 AND v.number = d.mapping AND v.block = 'header') AS elsewhere,
       -- mapped under another definition than the one in force
       EXISTS (SELECT FROM definition_in_force i JOIN definition_mapping c ON c.definition = i.number
               WHERE c.company = $1 AND c.entity = $2 AND c.number <> d.mapping) AS outdated,
       -- the newest version differs only because of the definition, and has not been mapped since
       EXISTS (SELECT FROM definition_in_force i JOIN definition_mapping c ON c.definition = i.number
               WHERE c.company = $1 AND c.entity = $2 AND c.number <> d.mapping)
       AND EXISTS (SELECT FROM event e
                   CROSS JOIN LATERAL json_to_recordset(e.line::json -> 'records') AS a (document_id bigint, version integer, detail json)
                   WHERE e.documents @> ARRAY[d.id] AND e.kind = 'version_read' AND a.document_id = d.id AND a.version = d.version
                     AND a.detail ->> 'kept' IS NOT NULL) AS kept
FROM (
    SELECT count(*) AS alive, max(paused_until) FILTER (WHERE paused_until > now()) AS nodes_paused_until,
           coalesce(bool_or(breaker = 'open'), false) AS blocked
    FROM node WHERE seen_at > now() - make_interval(secs => $4)
) n
LEFT JOIN flow f ON f.company = $1 AND f.entity = $2
LEFT JOIN document d ON d.company = $1 AND d.entity = $2 AND d.key = $3
LEFT JOIN hold h ON h.document_id = d.id
