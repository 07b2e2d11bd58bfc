SELECT l.document_id, l.block, l.record_key, l.action, l.payload_hash, p.state,
       -- only lines may have vanished; their last fields are needed to mark them
       CASE WHEN l.block <> 'header' THEN l.payload END AS payload
FROM (
    SELECT DISTINCT ON (document_id, block, record_key) *
    FROM delivery
    WHERE document_id = ANY($1)
    ORDER BY document_id, block, record_key, id DESC
) l
LEFT JOIN pending p ON p.delivery_id = l.id
