-- Keeps claims from taking parts of these documents; one that takes them at the same moment is waited for. What batches do with rows that
-- they do not delete goes on. `$1`: the documents, in order, so that two transactions lock their rows in the same order.
WITH queued AS MATERIALIZED (
    SELECT o.id FROM unnest($1::bigint[]) AS d (id)
    CROSS JOIN LATERAL (SELECT o.id FROM outbox o WHERE o.document_id = d.id AND o.ready ORDER BY o.document_id, o.id FOR KEY SHARE) o
), alone AS MATERIALIZED (
    SELECT p.delivery_id FROM unnest($1::bigint[]) AS d (id)
    CROSS JOIN LATERAL (
        SELECT p.delivery_id FROM pending p WHERE p.document_id = d.id AND p.batch_id IS NULL
        ORDER BY p.document_id, p.block, p.record_key, p.delivery_id FOR KEY SHARE) p
)
SELECT (SELECT count(*) FROM queued) + (SELECT count(*) FROM alone)
