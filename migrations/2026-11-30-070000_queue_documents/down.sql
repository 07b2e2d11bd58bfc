UPDATE run r
SET read = t.read, new = t.new, changed = t.changed, unchanged = t.unchanged, deleted = t.deleted, sent = t.sent, confirmed = t.confirmed,
    records = t.records, delivered = t.delivered, replaced = t.replaced, parts = t.parts, parts_replaced = t.parts_replaced
FROM run_total t
WHERE t.id = r.id AND r.id IN (SELECT run_id FROM run_count);
DROP VIEW run_total;
DROP TABLE run_count;
INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, attempts, since, sent_at, batch_id, run_id, queued_at)
SELECT u.delivery_id, u.document_id, u.company, u.entity, u.version, u.block, u.record_key, u.own_state, u.attempts, u.since, u.sent_at, u.batch_id, u.run_id, u.queued_at
FROM undelivered u
WHERE NOT EXISTS (SELECT FROM pending p WHERE p.delivery_id = u.delivery_id);
DROP VIEW undelivered;
ALTER TABLE intent DROP COLUMN taken, DROP COLUMN documents;
DROP TABLE outbox;
