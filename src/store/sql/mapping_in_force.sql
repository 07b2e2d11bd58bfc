SELECT coalesce(n.number, 0) AS number, n.columns::text AS columns,
       ARRAY(SELECT DISTINCT v.number FROM moved_mapping v WHERE v.company = $1 AND v.entity = $2) AS moved,
       -- written differently, to whatever table: an unknown mapping counts as the same
       ARRAY(SELECT m.number FROM mapping m WHERE m.company = $1 AND m.entity = $2 AND m.hash <> '' AND m.places <> n.places) AS otherwise,
       ARRAY(SELECT m.number FROM mapping m WHERE m.company = $1 AND m.entity = $2 AND m.columns <> n.columns) AS other_columns,
       -- periods that somebody has signed or locked
       ARRAY(SELECT c.number FROM close_period c WHERE c.company = $1 AND c.state <> 'open') AS closed
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
    SELECT m.number, m.places, m.columns
    FROM mapping m
    WHERE m.company = $1 AND m.entity = $2 AND m.number = (
        SELECT c.number FROM definition_mapping c
        WHERE c.definition = (SELECT f.number FROM definition_in_force f) AND c.company = $1 AND c.entity = $2)
    OFFSET 0
) n ON true
