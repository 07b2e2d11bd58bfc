WITH n AS (
    SELECT * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::text[], $9::text[])
        AS n (document_id, record_key, sys_id, target_table, version, delivery_id, returned, partial)
), agreed_now AS (
    -- aligned records: what was sent, and what is there now, becomes the base version
    UPDATE base_version a SET fields = a.fields || p.pairs
    FROM (
        SELECT n.document_id, jsonb_object_agg(e.key, jsonb_build_array(e.value, coalesce(n.returned::jsonb ->> e.key, e.value))) AS pairs
        FROM n
        JOIN base_version g ON g.document_id = n.document_id
        JOIN delivery l ON l.id = n.delivery_id AND l.action = 'upsert'
        CROSS JOIN LATERAL jsonb_each_text(l.payload::jsonb) e
        WHERE $1 = 'header'
        GROUP BY n.document_id
    ) p
    WHERE a.document_id = p.document_id
)
INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id, partial)
SELECT n.document_id, $1, n.record_key, n.sys_id, n.target_table, n.version, n.delivery_id, n.partial::text[]
FROM n
ON CONFLICT (document_id, block, record_key) DO UPDATE
SET sys_id = excluded.sys_id, target_table = excluded.target_table, version = excluded.version,
    delivery_id = excluded.delivery_id, confirmed_at = now(), own_row = true, partial = excluded.partial
WHERE record.delivery_id <= excluded.delivery_id
