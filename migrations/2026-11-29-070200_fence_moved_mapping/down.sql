CREATE OR REPLACE VIEW moved_mapping AS
SELECT m.company, m.entity, m.number, b.block
FROM definition_in_force f
JOIN definition_mapping c ON c.definition = f.number
JOIN mapping n ON n.company = c.company AND n.entity = c.entity AND n.number = c.number
JOIN mapping m ON m.company = c.company AND m.entity = c.entity AND m.hash <> ''
CROSS JOIN LATERAL jsonb_object_keys(m.places) AS b (block)
WHERE m.places -> b.block -> 0 IS DISTINCT FROM n.places -> b.block -> 0;
