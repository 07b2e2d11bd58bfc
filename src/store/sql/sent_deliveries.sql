-- A page of a record's deliveries, the newest first, each with the definition that was in force for it.
WITH this AS MATERIALIZED (
    SELECT d.id FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key = $3
), sets AS MATERIALIZED (
    -- each definition that was ever in force, and how it maps the flow
    SELECT f.number, f.hash, f.known_since, c.number AS mapping
    FROM definition f
    LEFT JOIN LATERAL (
        SELECT c.number FROM definition_mapping c WHERE c.definition = f.number AND c.company = $1 AND c.entity = $2 OFFSET 0) c ON true
), open AS MATERIALIZED (
    -- compared with one value, so that the document's rows are found by the indexes below the view
    SELECT p.delivery_id, shown_state(p.state, p.message) AS state FROM undelivered p WHERE p.document_id = (SELECT id FROM this)
)
SELECT l.id AS delivery_id, l.version, l.block, l.record_key, l.action, l.created_at AS queued_at, l.run_id, l.payload, l.refs,
       l.mapping, m.hash AS mapping_hash, r.definition,
       (SELECT s.hash FROM sets s WHERE s.number = r.definition) AS definition_hash,
       -- those that map the flow in the same way and were known by then: one of them was in force
       ARRAY(SELECT s.number FROM sets s WHERE s.mapping = l.mapping AND s.known_since <= l.created_at ORDER BY s.number) AS alike,
       p.state
FROM this
CROSS JOIN LATERAL (
    SELECT l.* FROM delivery l
    WHERE l.document_id = this.id AND ($6 = 0 OR l.id < $6) AND ($4 IS NULL OR l.version = $4)
      AND ($5 IS NULL OR l.block = $5 OR l.block || ' ' || l.record_key = $5)
    ORDER BY l.id DESC LIMIT $7) l
LEFT JOIN LATERAL (SELECT m.hash FROM mapping m WHERE m.company = $1 AND m.entity = $2 AND m.number = l.mapping OFFSET 0) m ON true
LEFT JOIN LATERAL (SELECT r.definition FROM run r WHERE r.id = l.run_id OFFSET 0) r ON true
LEFT JOIN open p ON p.delivery_id = l.id
ORDER BY l.id DESC
