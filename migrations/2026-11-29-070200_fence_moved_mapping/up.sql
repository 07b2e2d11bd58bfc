-- The same view with a fixed join order, independent of the server's statistics: first the mappings in force, then the others of their
-- flows. Every page and every claim uses it.
CREATE OR REPLACE VIEW moved_mapping AS
SELECT c.company, c.entity, m.number, b.block
FROM definition_mapping c
CROSS JOIN LATERAL (
    SELECT n.places FROM mapping n WHERE n.company = c.company AND n.entity = c.entity AND n.number = c.number OFFSET 0
) n
CROSS JOIN LATERAL (
    SELECT m.number, m.places FROM mapping m WHERE m.company = c.company AND m.entity = c.entity AND m.hash <> '' OFFSET 0
) m
CROSS JOIN LATERAL jsonb_object_keys(m.places) AS b (block)
WHERE c.definition = (SELECT f.number FROM definition_in_force f)
  AND m.places -> b.block -> 0 IS DISTINCT FROM n.places -> b.block -> 0;
