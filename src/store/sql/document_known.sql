SELECT d.id, d.key, d.version, d.hash, d.deleted, d.mapping, d.reading, d.fiscal_periods
FROM unnest($3::text[]) AS w (key)
CROSS JOIN LATERAL (SELECT * FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key = w.key LIMIT 1) d
