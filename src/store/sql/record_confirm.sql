INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id)
SELECT n.document_id, $1, n.record_key, n.sys_id, n.target_table, n.version, n.delivery_id
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[])
     AS n (document_id, record_key, sys_id, target_table, version, delivery_id)
ON CONFLICT (document_id, block, record_key) DO UPDATE
SET sys_id = excluded.sys_id, target_table = excluded.target_table, version = excluded.version,
    delivery_id = excluded.delivery_id, confirmed_at = now()
WHERE record.delivery_id <= excluded.delivery_id
