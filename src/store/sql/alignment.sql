SELECT a.seen_to, extract(epoch FROM now() - a.swept_at)::bigint AS swept_ago, a.adopted_at IS NOT NULL AS adopted,
       (SELECT count(*) FROM document d WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND NOT {stands_for_a_row}) AS list,
       EXISTS (
           SELECT FROM document d
           WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND NOT {stands_for_a_row}
             AND NOT EXISTS (SELECT FROM record r WHERE r.document_id = d.id AND r.block = 'header' AND r.record_key = '')
             AND NOT EXISTS (SELECT FROM undelivered q WHERE q.document_id = d.id AND q.state IN ('sending', 'unknown'))
       ) AS unlinked
FROM (SELECT 1) AS one
LEFT JOIN alignment a ON a.company = $1 AND a.entity = $2
