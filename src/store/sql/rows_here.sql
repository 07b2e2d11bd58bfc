-- Parts of records that were mapped differently and have a row in their current table, in `record` or left in a former table, and what was
-- last written there. `$3` and `$4` are the documents and their mappings, `$5` is the mapping in force. A mapping names the table that is
-- written; where ServiceNow put the row into another table, both mappings name the same one.
WITH place AS MATERIALIZED (
    SELECT m.number, b.key AS block, b.value AS way, (b.value ->> 0)::jsonb ->> 1 AS target
    FROM (SELECT m.number, m.places FROM mapping m WHERE m.company = $1 AND m.entity = $2 OFFSET 0) m
    CROSS JOIN LATERAL jsonb_each(m.places) b
), w AS MATERIALIZED (
    SELECT * FROM unnest($3::bigint[], $4::integer[]) AS w (id, mapping)
), known AS MATERIALIZED (
    SELECT w.id, r.block, r.record_key, r.target_table, r.delivery_id, w.mapping
    FROM w
    CROSS JOIN LATERAL (SELECT r.block, r.record_key, r.target_table, r.delivery_id FROM record r WHERE r.document_id = w.id OFFSET 0) r
    UNION ALL
    SELECT w.id, f.block, f.record_key, f.target_table, f.delivery_id, f.mapping
    FROM w
    CROSS JOIN LATERAL (
        SELECT f.block, f.record_key, f.target_table, f.delivery_id, f.mapping, f.sys_id FROM former_record f WHERE f.document_id = w.id OFFSET 0) f
    -- another record may own that row by now
    WHERE (SELECT 1 FROM record o WHERE o.sys_id = f.sys_id AND o.target_table = f.target_table AND o.own_row LIMIT 1) IS NULL
)
SELECT DISTINCT ON (k.id, k.block, k.record_key)
       k.id AS document_id, k.block, k.record_key, l.action, l.payload_hash, l.payload, l.refs, m.way IS DISTINCT FROM n.way AS other_way
FROM known k
LEFT JOIN LATERAL (
    SELECT l.action, l.payload_hash, l.payload, l.refs, nullif(l.mapping, 0) AS mapping FROM delivery l WHERE l.id = k.delivery_id OFFSET 0) l ON true
JOIN place n ON n.number = $5 AND n.block = k.block
LEFT JOIN place m ON m.number = coalesce(l.mapping, k.mapping) AND m.block = k.block
WHERE k.target_table = n.target OR m.target = n.target
ORDER BY k.id, k.block, k.record_key, k.delivery_id DESC
