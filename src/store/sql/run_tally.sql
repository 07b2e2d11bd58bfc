WITH n AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS n (run_id, records, parts, sent, confirmed, parts_replaced)
), gone AS (
    -- records with no part left of those that the run queued; if the last parts arrived, the record is delivered
    SELECT run_id, count(*) FILTER (WHERE arrived) AS delivered, count(*) FILTER (WHERE NOT arrived) AS replaced
    FROM (
        SELECT l.run_id, l.document_id, bool_or(l.arrived) AS arrived
        FROM unnest($7::uuid[], $8::bigint[], $9::boolean[]) AS l (run_id, document_id, arrived)
        WHERE (SELECT p.document_id FROM pending p WHERE p.document_id = l.document_id AND p.run_id IS NOT DISTINCT FROM l.run_id LIMIT 1) IS NULL
        GROUP BY l.run_id, l.document_id
    ) record
    GROUP BY run_id
), counted AS (
    UPDATE run r
    SET records = r.records + n.records, parts = r.parts + n.parts, sent = r.sent + n.sent, confirmed = r.confirmed + n.confirmed,
        parts_replaced = r.parts_replaced + n.parts_replaced,
        delivered = r.delivered + coalesce(g.delivered, 0), replaced = r.replaced + coalesce(g.replaced, 0)
    FROM n LEFT JOIN gone g ON g.run_id = n.run_id
    WHERE r.id = n.run_id
    RETURNING r.company, coalesce(g.delivered, 0) AS delivered
)
SELECT company, sum(delivered)::bigint AS records FROM counted GROUP BY company HAVING sum(delivered) > 0
