-- Records with no part left of those that a run queued; if the last parts arrived, the record is delivered. One statement, and so one
-- snapshot: a claim moves a part from the outbox to an intent, and the part must be seen in one of them.
SELECT record.run_id, count(*) FILTER (WHERE NOT record.open AND record.arrived) AS delivered,
       count(*) FILTER (WHERE NOT record.open AND NOT record.arrived) AS replaced, count(*) FILTER (WHERE record.contested) AS contested
FROM (
    SELECT part.run_id, part.document_id, bool_or(part.arrived) AS arrived, bool_or(part.waits OR part.sent) AS open,
           bool_or(part.sent AND NOT part.waits) AS contested
    FROM (
        SELECT l.run_id, l.document_id, l.arrived,
               (SELECT 1 FROM pending p WHERE p.document_id = l.document_id AND p.run_id IS NOT DISTINCT FROM l.run_id AND p.batch_id IS NULL LIMIT 1) IS NOT NULL
               OR (SELECT 1 FROM outbox o WHERE o.document_id = l.document_id AND o.run_id = l.run_id LIMIT 1) IS NOT NULL AS waits,
               (SELECT 1 FROM pending p WHERE p.document_id = l.document_id AND p.run_id IS NOT DISTINCT FROM l.run_id AND p.batch_id IS NOT NULL LIMIT 1) IS NOT NULL
               -- most records have no part in any batch: these batches are read once for all of them
               OR CASE WHEN l.document_id IN (SELECT unnest(i.documents) FROM intent i WHERE i.documents <> '{}') THEN (
                   SELECT 1 FROM intent i
                   CROSS JOIN LATERAL unnest(i.taken, i.documents) AS u (delivery_id, document_id)
                   CROSS JOIN LATERAL (SELECT d.run_id FROM delivery d WHERE d.id = u.delivery_id OFFSET 0) d
                   WHERE l.document_id = ANY(i.documents) AND u.document_id = l.document_id AND d.run_id = l.run_id LIMIT 1) END IS NOT NULL AS sent
        FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS l (run_id, document_id, arrived)
        OFFSET 0
    ) part
    GROUP BY part.run_id, part.document_id
) record
GROUP BY record.run_id
