-- The rows returned for these records that already belong to other records.
SELECT (n.place - 1)::integer AS place, n.document_id, nd.company || '/' || nd.entity || '/' || nd.key AS name,
       r.document_id AS owner_id, r.version AS owner_version, od.company || '/' || od.entity || '/' || od.key AS owner, r.block AS owner_block, r.record_key AS owner_part
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS n (document_id, record_key, sys_id, target_table, place)
JOIN record r ON r.sys_id = n.sys_id AND r.target_table = n.target_table AND r.own_row
JOIN document od ON od.id = r.document_id
JOIN document nd ON nd.id = n.document_id
WHERE NOT (r.document_id = n.document_id AND r.block = $1 AND r.record_key = n.record_key)
