-- Deliveries that arrived, as they are stored, each with the row of its record. A delivery that is not stored any more has the row that names
-- it, if there is one.
SELECT n.document_id, n.delivery_id, l.document_id AS of_document, l.version AS of_version, l.payload, l.refs,
       r.delivery_id AS row_delivery, r.sys_id, r.target_table, r.version, f.delivery_id AS former_delivery, v.restored
FROM unnest($1::bigint[], $2::bigint[]) AS n (document_id, delivery_id)
CROSS JOIN (SELECT EXISTS (SELECT FROM ledger_life WHERE number > 1) AS restored OFFSET 0) v
LEFT JOIN LATERAL (SELECT l.* FROM delivery l WHERE l.id = n.delivery_id OFFSET 0) l ON true
LEFT JOIN LATERAL (
    SELECT r.* FROM record r WHERE r.document_id = n.document_id AND r.block = l.block AND r.record_key = l.record_key
    UNION ALL
    SELECT r.* FROM record r WHERE l.id IS NULL AND r.document_id = n.document_id AND r.delivery_id = n.delivery_id
) r ON true
LEFT JOIN LATERAL (
    SELECT max(f.delivery_id) AS delivery_id FROM former_record f
    WHERE f.document_id = n.document_id AND f.block = l.block AND f.record_key = l.record_key
) f ON true
