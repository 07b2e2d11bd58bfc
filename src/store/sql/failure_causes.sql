SELECT c.cause, min(c.company) AS company, min(c.entity) AS entity, min(c.why) AS reason, min(c.words) AS words, min(c.next_step) AS next_step,
       bool_and(c.state = 'parked') AS parked, count(*) AS count, count(DISTINCT c.document_id) AS documents,
       min(c.since) AS first, max(c.since) AS last, count(*) OVER () AS causes, (sum(count(*)) OVER ())::bigint AS all
FROM (
    SELECT p.*, coalesce(p.reason, p.state) AS why, {words} AS words, {cause} AS cause
    FROM pending p JOIN document d ON d.id = p.document_id
    WHERE (p.state IN ('parked', 'in_doubt') OR (p.state = 'waiting' AND p.message IS NOT NULL))
      AND ($1 IS NULL OR p.company = $1)
      AND ($2 IS NULL OR p.entity = $2)
      AND ($3 IS NULL OR p.reason = $3 OR p.state = $3)
      AND ($4 IS NULL OR p.message ILIKE '%' || $4 || '%')
      AND ($6 IS NULL OR d.key = $6)
      AND ($7 IS NULL OR p.since >= $7)
      AND ($8 IS NULL OR p.since < $8)
) c
WHERE $9 IS NULL OR c.cause = $9
GROUP BY c.cause
ORDER BY count DESC, c.cause
LIMIT $5
