SELECT r.*, b.queued, b.sending, b.retrying, b.unknown, b.waiting, b.failed, b.on_hold
-- `chosen`: the runs (run.rs)
FROM chosen r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE rank = 1) AS queued, count(*) FILTER (WHERE rank = 2) AS sending, count(*) FILTER (WHERE rank = 3) AS retrying,
           count(*) FILTER (WHERE rank = 5) AS unknown, count(*) FILTER (WHERE rank = 4) AS waiting, count(*) FILTER (WHERE rank = 7) AS failed,
           count(*) FILTER (WHERE rank = 6) AS on_hold
    FROM (SELECT max(pending_rank(p.state, p.reason, p.message)) AS rank FROM pending p WHERE p.run_id = r.id GROUP BY p.document_id) record
) b
ORDER BY r.id DESC
