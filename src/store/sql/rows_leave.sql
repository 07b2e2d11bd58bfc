-- Moves rows in tables that the mapping in force does not write to `former_record`. Parameters as in rows_here.sql.
WITH place AS MATERIALIZED (
    SELECT m.number, b.key AS block, (b.value ->> 0)::jsonb ->> 1 AS target
    FROM (SELECT m.number, m.places FROM mapping m WHERE m.company = $1 AND m.entity = $2 OFFSET 0) m
    CROSS JOIN LATERAL jsonb_each(m.places) b
), leaving AS MATERIALIZED (
    SELECT r.at, coalesce(l.mapping, w.mapping) AS mapping, r.document_id, r.block, r.record_key
    FROM unnest($3::bigint[], $4::integer[]) AS w (id, mapping)
    CROSS JOIN LATERAL (SELECT r.ctid AS at, r.* FROM record r WHERE r.document_id = w.id OFFSET 0) r
    LEFT JOIN LATERAL (SELECT nullif(l.mapping, 0) AS mapping FROM delivery l WHERE l.id = r.delivery_id OFFSET 0) l ON true
    LEFT JOIN place n ON n.number = $5 AND n.block = r.block
    LEFT JOIN place m ON m.number = coalesce(l.mapping, w.mapping) AND m.block = r.block
    WHERE r.target_table IS DISTINCT FROM n.target AND (n.target IS NULL OR m.target IS DISTINCT FROM n.target)
), taken AS (
    DELETE FROM record r WHERE r.ctid = ANY(ARRAY(SELECT at FROM leaving)) RETURNING r.*
)
INSERT INTO former_record (document_id, block, record_key, target_table, sys_id, version, delivery_id, confirmed_at, own_row, partial, mapping)
SELECT t.document_id, t.block, t.record_key, t.target_table, t.sys_id, t.version, t.delivery_id, t.confirmed_at, t.own_row, t.partial, g.mapping
FROM taken t JOIN leaving g USING (document_id, block, record_key)
ON CONFLICT (document_id, block, record_key, target_table) DO UPDATE
SET sys_id = excluded.sys_id, version = excluded.version, delivery_id = excluded.delivery_id, confirmed_at = excluded.confirmed_at,
    own_row = excluded.own_row, partial = excluded.partial, mapping = excluded.mapping
