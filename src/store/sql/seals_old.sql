-- The oldest seals whose events are still there, and whether these may go: their day is old. The newest seal keeps its events.
SELECT {columns},
       s.day < ((now() - $1::text::interval) AT TIME ZONE 'UTC')::date AND s.id < (SELECT max(id) FROM audit_seal) AS old
FROM audit_seal s
WHERE s.removed_at IS NULL
ORDER BY s.id
LIMIT $2
