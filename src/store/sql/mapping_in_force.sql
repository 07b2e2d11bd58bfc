SELECT coalesce(c.number, 0) AS number,
       ARRAY(SELECT DISTINCT v.number FROM moved_mapping v WHERE v.company = $1 AND v.entity = $2) AS moved,
       -- written in another way, wherever: a mapping that is not known counts as the same
       ARRAY(SELECT m.number FROM mapping m WHERE m.company = $1 AND m.entity = $2 AND m.hash <> '' AND m.places <> n.places) AS otherwise,
       ARRAY(SELECT m.number FROM mapping m WHERE m.company = $1 AND m.entity = $2 AND m.columns <> n.columns) AS other_columns
FROM (SELECT 1) AS one
LEFT JOIN definition_in_force f ON true
LEFT JOIN definition_mapping c ON c.definition = f.number AND c.company = $1 AND c.entity = $2
LEFT JOIN mapping n ON n.company = c.company AND n.entity = c.entity AND n.number = c.number
