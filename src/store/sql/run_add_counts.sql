-- Adds counts to the rows of these runs, which are locked.
WITH gone AS (
    DELETE FROM run_count c WHERE c.id = ANY(ARRAY(SELECT n.id FROM run_count n WHERE n.run_id = ANY($1) ORDER BY n.id LIMIT 1000 FOR UPDATE SKIP LOCKED)) RETURNING c.*
), n AS (
    SELECT run_id, sum(read)::bigint AS read, sum(new)::bigint AS new, sum(changed)::bigint AS changed, sum(unchanged)::bigint AS unchanged, sum(deleted)::bigint AS deleted, sum(records)::bigint AS records, sum(parts)::bigint AS parts, sum(sent)::bigint AS sent, sum(confirmed)::bigint AS confirmed, sum(parts_replaced)::bigint AS parts_replaced, sum(delivered)::bigint AS delivered, sum(replaced)::bigint AS replaced FROM gone GROUP BY run_id
)
UPDATE run r
SET read = r.read + n.read, new = r.new + n.new, changed = r.changed + n.changed, unchanged = r.unchanged + n.unchanged, deleted = r.deleted + n.deleted, records = r.records + n.records, parts = r.parts + n.parts, sent = r.sent + n.sent, confirmed = r.confirmed + n.confirmed, parts_replaced = r.parts_replaced + n.parts_replaced, delivered = r.delivered + n.delivered, replaced = r.replaced + n.replaced
FROM n
WHERE r.id = n.run_id
