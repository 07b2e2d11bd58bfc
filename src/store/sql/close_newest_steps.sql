-- The newest step of each kind of each period. `$1`: of this company only, if given; `$2`: the kinds.
SELECT s.id
FROM close_period p
CROSS JOIN unnest($2::text[]) AS k (step)
CROSS JOIN LATERAL (
    -- the order of the index close_step_newest alone: with equal values, the server might look for the newest one among all steps
    SELECT c.id, c.company, c.number, c.step FROM close_step c
    WHERE (c.company, c.number, c.step) <= (p.company, p.number, k.step)
    ORDER BY c.company DESC, c.number DESC, c.step DESC, c.id DESC
    LIMIT 1) s
WHERE ($1 IS NULL OR p.company = $1) AND s.company = p.company AND s.number = p.number AND s.step = k.step
