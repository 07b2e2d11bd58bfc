-- Records that were last mapped differently from the mapping in force, by flow. Flows without a mapping are compared as a list at every
-- run.
SELECT c.company, c.entity, sum(c.documents)::bigint AS records
FROM mapping_count c
JOIN definition_in_force f ON true
JOIN definition_mapping m ON m.definition = f.number AND m.company = c.company AND m.entity = c.entity
WHERE c.number <> m.number
GROUP BY c.company, c.entity
