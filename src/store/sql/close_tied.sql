-- What the newest tie-out of all periods of each company says about them; $1: one company alone.
WITH RECURSIVE known AS (
    -- the companies of all tie-outs: one step of the index for each, however many tie-outs there were
    (SELECT b.company FROM tie_out_block b ORDER BY b.company LIMIT 1)
    UNION ALL
    SELECT n.company
    FROM known k CROSS JOIN LATERAL (SELECT b.company FROM tie_out_block b WHERE b.company > k.company ORDER BY b.company LIMIT 1) n
), newest AS MATERIALIZED (
    SELECT k.company, n.id
    FROM known k CROSS JOIN LATERAL (
        SELECT b.tie_out_id AS id FROM tie_out_block b
        WHERE b.company = k.company AND (SELECT t.state = 'done' AND t.year IS NULL FROM tie_out t WHERE t.id = b.tie_out_id)
        ORDER BY b.tie_out_id DESC LIMIT 1) n
    WHERE $1 IS NULL OR k.company = $1
)
SELECT n.company, b.year * 100 + coalesce(b.period, 0) AS number, n.id AS tie_out,
       (SELECT t.started_at FROM tie_out t WHERE t.id = n.id) AS at,
       (ARRAY['tied', 'balanced', 'untied', 'unverified'])[
           max(array_position(ARRAY['tied', 'balanced', 'untied', 'unverified'], b.verdict))] AS verdict,
       sum(b.open_items)::bigint AS open_items, sum(b.timing_items)::bigint AS timing_items
FROM newest n
CROSS JOIN LATERAL (
    SELECT b.year, b.period, b.verdict, b.open_items, b.timing_items FROM tie_out_bucket b
    WHERE b.tie_out_id = n.id AND b.company = n.company OFFSET 0) b
WHERE b.year BETWEEN 1 AND 9999 AND coalesce(b.period, 0) BETWEEN 0 AND 99
GROUP BY n.company, n.id, b.year, coalesce(b.period, 0)
ORDER BY n.company, number
