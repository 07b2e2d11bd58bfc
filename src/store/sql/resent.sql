-- The states of documents that were sent again: a document has the state of its worst part.
SELECT w.id, p.message,
       CASE
           WHEN p.worst IS NOT NULL THEN p.worst
           WHEN EXISTS (SELECT FROM record r WHERE r.document_id = w.id AND r.confirmed_at >= $2) THEN 'delivered'
           WHEN EXISTS (SELECT FROM base_version a WHERE a.document_id = w.id AND a.again) THEN 'to_compare'
           ELSE 'nothing' END AS state
FROM unnest($1::bigint[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT CASE
               -- one delivery represents a whole record that could not be read
               WHEN bool_or(p.state = 'failed' AND p.reason = 'unreadable') THEN 'unreadable'
               WHEN bool_or(p.state = 'failed') THEN 'failed'
               WHEN bool_or(p.state = 'on_hold') THEN 'on_hold'
               WHEN bool_or(p.state IN ('queued', 'after_header', 'sending', 'unknown')) THEN 'moving'
               WHEN bool_or(p.state = 'waiting') THEN 'waiting' END AS worst,
           min(p.message) FILTER (WHERE p.state = 'failed') AS message
    FROM undelivered p
    WHERE p.document_id = w.id
) p
