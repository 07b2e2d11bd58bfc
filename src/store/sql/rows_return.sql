-- Rows in former tables that the mapping in force writes again become the rows of their records again. Parameters as in rows_here.sql; rows
-- in `record` are in the current table.
WITH place AS MATERIALIZED (
    SELECT m.number, b.key AS block, (b.value ->> 0)::jsonb ->> 1 AS target
    FROM (SELECT m.number, m.places FROM mapping m WHERE m.company = $1 AND m.entity = $2 OFFSET 0) m
    CROSS JOIN LATERAL jsonb_each(m.places) b
), back AS MATERIALIZED (
    SELECT DISTINCT ON (f.document_id, f.block, f.record_key) f.*
    FROM unnest($3::bigint[]) AS w (id)
    CROSS JOIN LATERAL (SELECT f.ctid AS at, f.* FROM former_record f WHERE f.document_id = w.id OFFSET 0) f
    JOIN place n ON n.number = $5 AND n.block = f.block
    LEFT JOIN place m ON m.number = f.mapping AND m.block = f.block
    WHERE (f.target_table = n.target OR m.target = n.target)
      AND (SELECT 1 FROM record r WHERE r.document_id = f.document_id AND r.block = f.block AND r.record_key = f.record_key LIMIT 1) IS NULL
      -- another record may own that row by now
      AND (SELECT 1 FROM record o WHERE o.sys_id = f.sys_id AND o.target_table = f.target_table AND o.own_row LIMIT 1) IS NULL
    ORDER BY f.document_id, f.block, f.record_key, f.delivery_id DESC
), taken AS (
    DELETE FROM former_record f WHERE f.ctid = ANY(ARRAY(SELECT at FROM back))
)
INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id, confirmed_at, own_row, partial)
SELECT document_id, block, record_key, sys_id, target_table, version, delivery_id, confirmed_at, own_row, partial FROM back
ON CONFLICT (document_id, block, record_key) DO NOTHING
