WITH open AS MATERIALIZED (
    SELECT p.delivery_id, p.state, p.reason FROM unnest($1::bigint[]) AS n (id) CROSS JOIN LATERAL (SELECT * FROM pending p WHERE p.document_id = n.id OFFSET 0) p
    UNION ALL
    SELECT unnest(o.deliveries), CASE WHEN o.ready THEN 'queued' ELSE 'after_header' END, NULL FROM outbox o WHERE o.document_id = ANY($1)
    UNION ALL
    SELECT u.delivery_id, 'sending', NULL FROM intent i CROSS JOIN LATERAL unnest(i.taken, i.documents) AS u (delivery_id, document_id)
    WHERE u.document_id = ANY($1)
)
SELECT l.document_id, l.block, l.record_key, l.action, l.payload_hash, p.state, p.reason,
       -- whether the newest delivery, or any delivery of the record, is known to have arrived
       coalesce(r.delivery_id >= l.id, false) AS confirmed, r.document_id IS NOT NULL AS arrived,
       -- marks replace fields of what was last sent: for lines, which may be gone alone, and for documents that are gone
       CASE WHEN l.block = 'header' AND NOT l.document_id = ANY($2) THEN NULL
            -- a record that could not be mapped was sent with an earlier content
            WHEN l.action = 'unmapped' THEN (
                SELECT e.payload FROM delivery e
                WHERE e.document_id = l.document_id AND e.block = l.block AND e.record_key = l.record_key AND e.action <> 'unmapped'
                ORDER BY e.id DESC LIMIT 1)
            ELSE l.payload END AS payload,
       l.refs
FROM (
    SELECT DISTINCT ON (document_id, block, record_key) *
    FROM delivery
    WHERE document_id = ANY($1)
    ORDER BY document_id, block, record_key, id DESC
) l
LEFT JOIN open p ON p.delivery_id = l.id
LEFT JOIN record r ON r.document_id = l.document_id AND r.block = l.block AND r.record_key = l.record_key
