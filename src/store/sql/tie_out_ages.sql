-- Open differences by age at the time of the tie-out.
SELECT CASE WHEN i.first_seen_at > t.started_at - interval '1 day' THEN 'day'
            WHEN i.first_seen_at > t.started_at - interval '7 days' THEN 'week'
            WHEN i.first_seen_at > t.started_at - interval '30 days' THEN 'month'
            WHEN i.first_seen_at > t.started_at - interval '90 days' THEN 'quarter'
            ELSE 'older' END AS age, count(*) AS count
FROM tie_out t JOIN tie_out_item i ON i.tie_out_id = t.id
WHERE t.id = $1 AND i.open
  AND ($2::text IS NULL OR i.company = $2) AND ($3::text IS NULL OR i.entity = $3)
  AND ($4::integer IS NULL OR (i.year = $4 AND i.period IS NOT DISTINCT FROM $5))
  AND ($6::text IS NULL OR i.cause = $6)
GROUP BY 1
