-- Counts for runs. They are rows of their own, so that no transaction waits for the commit of another one.
WITH n AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
        AS n (run_id, read, new, changed, unchanged, deleted, records, parts, sent, confirmed, parts_replaced, delivered, replaced)
), put AS (
    INSERT INTO run_count (run_id, read, new, changed, unchanged, deleted, records, parts, sent, confirmed, parts_replaced, delivered, replaced)
    SELECT run_id, read, new, changed, unchanged, deleted, records, parts, sent, confirmed, parts_replaced, delivered, replaced FROM n
)
SELECT r.company, sum(n.delivered)::bigint AS records
FROM n CROSS JOIN LATERAL (SELECT r.company FROM run r WHERE r.id = n.run_id OFFSET 0) r
WHERE n.delivered > 0
GROUP BY r.company
