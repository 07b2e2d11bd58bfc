-- Gives what batches took from the outbox for one flow rows of their own, as if they had taken it from `pending`.
WITH found AS (
    SELECT i.batch_id, i.claimed_at, u.delivery_id, u.document_id
    FROM (SELECT * FROM intent WHERE entity = $2 AND cardinality(taken) > 0 ORDER BY batch_id FOR UPDATE) i
    CROSS JOIN LATERAL unnest(i.taken, i.documents) AS u (delivery_id, document_id)
    JOIN document d ON d.id = u.document_id
    WHERE d.company = $1
), put AS (
    INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, attempts, since, sent_at, batch_id, run_id, queued_at)
    SELECT f.delivery_id, f.document_id, $1, $2, l.version, l.block, l.record_key, 'queued', 1, f.claimed_at, f.claimed_at, f.batch_id, l.run_id, l.created_at
    FROM found f JOIN delivery l ON l.id = f.delivery_id
)
UPDATE intent i
SET deliveries = i.deliveries || f.moved,
    taken = (SELECT coalesce(array_agg(u.delivery_id), '{}') FROM unnest(i.taken) AS u (delivery_id) WHERE NOT u.delivery_id = ANY(f.moved)),
    documents = (SELECT coalesce(array_agg(u.document_id), '{}') FROM unnest(i.taken, i.documents) AS u (delivery_id, document_id)
                 WHERE NOT u.delivery_id = ANY(f.moved))
FROM (SELECT batch_id, array_agg(delivery_id) AS moved FROM found GROUP BY batch_id) f
WHERE i.batch_id = f.batch_id
