SELECT f.paused_at, f.stopped, h.held_by, h.held_at, h.why, n.alive, n.nodes_paused_until, n.blocked
FROM (
    SELECT count(*) AS alive, max(paused_until) FILTER (WHERE paused_until > now()) AS nodes_paused_until,
           coalesce(bool_or(breaker = 'open'), false) AS blocked
    FROM node WHERE seen_at > now() - make_interval(secs => $4)
) n
LEFT JOIN flow f ON f.company = $1 AND f.entity = $2
LEFT JOIN document d ON d.company = $1 AND d.entity = $2 AND d.key = $3
LEFT JOIN hold h ON h.document_id = d.id
