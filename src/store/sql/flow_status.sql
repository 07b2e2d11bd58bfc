WITH p AS (
    SELECT company, entity,
           count(*) FILTER (WHERE state IN ('waiting', 'held')) AS waiting,
           count(*) FILTER (WHERE state = 'sending') AS sending,
           count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt,
           count(*) FILTER (WHERE state = 'parked' AND reason <> 'missing_parent') AS parked,
           count(*) FILTER (WHERE state = 'parked' AND reason = 'missing_parent') AS missing_parent
    FROM pending GROUP BY company, entity
)
SELECT f.company, f.entity, f.watermark, f.paused_at, f.paused_by, f.stopped,
       -- a lease that has run out holds nothing
       CASE WHEN f.lease_until > now() THEN f.holder END AS holder, f.last_progress_at, f.last_success_at, f.last_sweep_at, f.last_error,
       coalesce(d.documents, 0) AS documents, coalesce(p.waiting, 0) AS waiting, coalesce(p.sending, 0) AS sending,
       coalesce(p.in_doubt, 0) AS in_doubt, coalesce(p.parked, 0) AS parked, coalesce(p.missing_parent, 0) AS missing_parent
FROM flow f
LEFT JOIN document_count d ON d.company = f.company AND d.entity = f.entity
LEFT JOIN p ON p.company = f.company AND p.entity = f.entity
ORDER BY f.company, f.entity
