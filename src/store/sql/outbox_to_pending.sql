-- Gives the queued records of some documents rows of their own, so that each can change alone.
WITH taken AS (
    DELETE FROM outbox o WHERE o.document_id = ANY($1) RETURNING o.*
)
INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, not_before, since, run_id, queued_at)
SELECT u.delivery_id, t.document_id, t.company, t.entity, t.version, t.block, l.record_key, CASE WHEN t.ready THEN 'queued' ELSE 'after_header' END,
       t.queued_at, t.queued_at, t.run_id, t.queued_at
FROM taken t
CROSS JOIN LATERAL unnest(t.deliveries) AS u (delivery_id)
CROSS JOIN LATERAL (SELECT l.record_key FROM delivery l WHERE l.id = u.delivery_id OFFSET 0) l
