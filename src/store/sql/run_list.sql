SELECT r.*, coalesce(b.queued, 0) AS queued, coalesce(b.sending, 0) AS sending, coalesce(b.retrying, 0) AS retrying, coalesce(b.unknown, 0) AS unknown,
       coalesce(b.waiting, 0) AS waiting, coalesce(b.failed, 0) AS failed, coalesce(b.on_hold, 0) AS on_hold
-- `chosen`: the runs (run.rs)
FROM chosen r
LEFT JOIN (
    SELECT run_id, count(*) FILTER (WHERE rank = 1) AS queued, count(*) FILTER (WHERE rank = 2) AS sending, count(*) FILTER (WHERE rank = 3) AS retrying,
           count(*) FILTER (WHERE rank = 5) AS unknown, count(*) FILTER (WHERE rank = 4) AS waiting, count(*) FILTER (WHERE rank = 7) AS failed,
           count(*) FILTER (WHERE rank = 6) AS on_hold
    -- for all of the runs at once: the outbox has no index of runs
    FROM (SELECT u.run_id, max(pending_rank(u.state, u.reason, u.message)) AS rank FROM undelivered u
          WHERE u.run_id = ANY(ARRAY(SELECT id FROM chosen)) GROUP BY u.run_id, u.document_id) record
    GROUP BY run_id
) b ON b.run_id = r.id
ORDER BY r.id DESC
