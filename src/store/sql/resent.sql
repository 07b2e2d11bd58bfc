-- Where documents stand that were sent again: a record is as bad as its worst part.
SELECT w.id, p.message,
       CASE
           WHEN p.worst IS NOT NULL THEN p.worst
           WHEN EXISTS (SELECT FROM record r WHERE r.document_id = w.id AND r.confirmed_at >= $2) THEN 'delivered'
           WHEN EXISTS (SELECT FROM agreed a WHERE a.document_id = w.id AND a.again) THEN 'to_compare'
           ELSE 'nothing' END AS stands
FROM unnest($1::bigint[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT CASE
               -- one delivery stands for all of a record that could not be read
               WHEN bool_or(p.state = 'parked' AND p.reason = 'unreadable') THEN 'unreadable'
               WHEN bool_or(p.state = 'parked' AND p.reason NOT IN ('missing_parent', 'on_hold')) THEN 'failed'
               WHEN bool_or(p.state = 'parked' AND p.reason = 'on_hold') THEN 'on_hold'
               WHEN bool_or(p.state IN ('waiting', 'held', 'sending', 'in_doubt')) THEN 'moving'
               WHEN bool_or(p.state = 'parked') THEN 'waiting' END AS worst,
           min(p.message) FILTER (WHERE p.state = 'parked' AND p.reason NOT IN ('missing_parent', 'on_hold')) AS message
    FROM pending p
    WHERE p.document_id = w.id
) p
