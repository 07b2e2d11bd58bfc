-- What the newest tie-out of all periods of each company says about them; $1: one company alone.
WITH newest AS (
    SELECT b.company, max(b.tie_out_id) AS id
    FROM tie_out_block b JOIN tie_out t ON t.id = b.tie_out_id
    WHERE t.state = 'done' AND t.year IS NULL AND ($1 IS NULL OR b.company = $1)
    GROUP BY b.company
)
SELECT n.company, b.year * 100 + coalesce(b.period, 0) AS number, n.id AS tie_out, t.started_at AS at,
       (ARRAY['tied', 'balanced', 'untied', 'unverified'])[
           max(array_position(ARRAY['tied', 'balanced', 'untied', 'unverified'], b.verdict))] AS verdict,
       sum(b.open_items)::bigint AS open_items, sum(b.timing_items)::bigint AS timing_items
FROM newest n
JOIN tie_out t ON t.id = n.id
JOIN tie_out_bucket b ON b.tie_out_id = n.id AND b.company = n.company
WHERE b.year BETWEEN 1 AND 9999 AND coalesce(b.period, 0) BETWEEN 0 AND 99
GROUP BY n.company, n.id, t.started_at, b.year, coalesce(b.period, 0)
ORDER BY n.company, number
