-- Documents that were last mapped in another way than the one in force, by their keys, and whether their content was read with all columns that it needs.
SELECT d.id, d.company, d.entity, d.key, d.hash, v.content, d.deleted, NULL::text AS failed,
       d.deleted OR coalesce(r.columns @> n.columns, false) AS whole
FROM document d
-- of what was adopted after a restore the content is not known: its flow's whole read brings it
JOIN version v ON v.document_id = d.id AND v.version = d.version AND v.hash <> ''
JOIN definition_in_force f ON true
JOIN definition_mapping c ON c.definition = f.number AND c.company = d.company AND c.entity = d.entity
JOIN mapping n ON n.company = c.company AND n.entity = c.entity AND n.number = c.number
LEFT JOIN mapping r ON r.company = d.company AND r.entity = d.entity AND r.number = d.reading
WHERE d.company = $1 AND d.entity = $2 AND d.key > $3 AND d.mapping <> c.number AND NOT {stands_for_a_row}
ORDER BY d.key
LIMIT $4
