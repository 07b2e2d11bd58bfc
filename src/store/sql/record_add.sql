-- Rows of records that have none yet. The parameters are those of record_confirm.sql; a new record has no base version, so what ServiceNow
-- returned (`$8`) changes none.
INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id, partial)
SELECT n.document_id, $1, n.record_key, n.sys_id, n.target_table, n.version, n.delivery_id, n.partial::text[]
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::text[], $9::text[])
    AS n (document_id, record_key, sys_id, target_table, version, delivery_id, returned, partial)
