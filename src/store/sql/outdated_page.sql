-- Documents that were last mapped differently from the mapping in force, by the numbers of their mappings and their keys, and whether their
-- content was read with all columns that it needs. Mappings before the one in force and those after it are two ranges of one index: current
-- documents are not read. `$3` and `$4` are the mapping and the key of the last document of the page before.
WITH now AS MATERIALIZED (
    SELECT n.number, n.columns
    FROM definition_in_force f
    JOIN definition_mapping c ON c.definition = f.number AND c.company = $1 AND c.entity = $2
    JOIN mapping n ON n.company = c.company AND n.entity = c.entity AND n.number = c.number
), page AS MATERIALIZED (
    SELECT d.*
    FROM now
    CROSS JOIN LATERAL (
        (SELECT d.id, d.mapping, d.key, d.version, d.hash, d.deleted, d.reading
         FROM document d
         WHERE d.company = $1 AND d.entity = $2 AND (d.mapping, d.key) > ($3, $4) AND d.mapping < now.number AND NOT {stands_for_a_row}
         ORDER BY d.company, d.entity, d.mapping, d.key
         LIMIT $5)
        UNION ALL
        (SELECT d.id, d.mapping, d.key, d.version, d.hash, d.deleted, d.reading
         FROM document d
         -- only one bound: with a second one the server may start at the lower of them
         WHERE d.company = $1 AND d.entity = $2
           AND (d.mapping, d.key) > (greatest($3, now.number + 1), CASE WHEN $3 > now.number THEN $4 ELSE '' END) AND NOT {stands_for_a_row}
         ORDER BY d.company, d.entity, d.mapping, d.key
         LIMIT $5)
    ) d
    ORDER BY d.mapping, d.key
    LIMIT $5
)
SELECT p.id, $1 AS company, $2 AS entity, p.key, p.hash, v.content, p.deleted, NULL::text AS failed, p.mapping,
       -- the content of a row that was adopted after a restore is not known: the whole read of its flow brings it
       v.hash <> '' AND (p.deleted OR p.reading = ANY (ARRAY(
           SELECT r.number FROM now, mapping r WHERE r.company = $1 AND r.entity = $2 AND r.columns @> now.columns))) AS whole
FROM page p
JOIN version v ON v.document_id = p.id AND v.version = p.version
ORDER BY p.mapping, p.key
