WITH n AS (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[]) AS n (company, entity, hash, columns, places)
), unknown AS (
    SELECT n.* FROM n WHERE NOT EXISTS (SELECT FROM mapping m WHERE m.company = n.company AND m.entity = n.entity AND m.hash = n.hash)
), named AS (
    -- the mapping that was in force when the ledger began to keep mappings, and still is
    UPDATE mapping m SET hash = n.hash, columns = n.columns, places = n.places
    FROM unknown n
    WHERE $7 AND m.company = n.company AND m.entity = n.entity AND m.hash = ''
    RETURNING m.company, m.entity, m.number
), made AS (
    INSERT INTO mapping (company, entity, number, hash, columns, places)
    SELECT n.company, n.entity, coalesce((SELECT max(m.number) FROM mapping m WHERE m.company = n.company AND m.entity = n.entity), 0) + 1,
           n.hash, n.columns, n.places
    FROM unknown n
    WHERE NOT EXISTS (SELECT FROM named m WHERE m.company = n.company AND m.entity = n.entity)
    RETURNING company, entity, number
)
INSERT INTO definition_mapping (definition, company, entity, number)
SELECT $1, a.company, a.entity, a.number
FROM (SELECT m.company, m.entity, m.number FROM n JOIN mapping m USING (company, entity, hash) UNION ALL SELECT * FROM named UNION ALL SELECT * FROM made) a
ON CONFLICT (definition, company, entity) DO UPDATE SET number = excluded.number
WHERE definition_mapping.number <> excluded.number
