WITH outstanding AS (
    SELECT company, entity, count(*) AS parts, max(pending_rank(state, reason, message)) AS rank FROM undelivered GROUP BY company, entity, document_id
), p AS (
    SELECT company, entity, sum(parts)::bigint AS parts,
           count(*) FILTER (WHERE rank = 1) AS queued, count(*) FILTER (WHERE rank = 2) AS sending, count(*) FILTER (WHERE rank = 3) AS retrying,
           count(*) FILTER (WHERE rank = 5) AS unknown, count(*) FILTER (WHERE rank = 4) AS waiting, count(*) FILTER (WHERE rank = 7) AS failed,
           count(*) FILTER (WHERE rank = 6) AS on_hold
    FROM outstanding GROUP BY company, entity
)
SELECT f.company, f.entity, f.watermark, f.paused_at, f.paused_by, f.stopped,
       -- an expired lease holds nothing; neither does a lease longer than the longest allowed: the clock was set back since
       CASE WHEN f.lease_until BETWEEN now() AND now() + interval '1 hour' THEN f.holder END AS holder, f.last_progress_at, f.last_success_at, f.last_sweep_at, f.last_error, f.last_error_lasts,
       coalesce(d.documents, 0) - rows.told AS documents, coalesce(p.parts, 0) AS parts, coalesce(p.queued, 0) AS queued, coalesce(p.sending, 0) AS sending,
       coalesce(p.retrying, 0) AS retrying, coalesce(p.unknown, 0) AS unknown, coalesce(p.waiting, 0) AS waiting,
       coalesce(p.failed, 0) AS failed, coalesce(p.on_hold, 0) AS on_hold, coalesce(n.records, 0) AS not_as_sent, coalesce(k.records, 0) AS in_conflict,
       coalesce(o.records, 0) AS outdated,
       -- a caller that knows the configuration, and waits, replaces this value
       true AS configured, NULL::text AS waits_for
FROM flow f
LEFT JOIN document_count d ON d.company = f.company AND d.entity = f.entity
-- documents are counted on insert; a placeholder for a row is not a record
CROSS JOIN LATERAL (SELECT count(*) AS told FROM document d WHERE d.company = f.company AND d.entity = f.entity AND {stands_for_a_row}) rows
LEFT JOIN p ON p.company = f.company AND p.entity = f.entity
LEFT JOIN (
    SELECT t.company, t.entity, count(DISTINCT t.id) AS records FROM record r JOIN document t ON t.id = r.document_id WHERE r.partial IS NOT NULL GROUP BY 1, 2
) n ON n.company = f.company AND n.entity = f.entity
LEFT JOIN (
    SELECT company, entity, count(DISTINCT document_id) AS records FROM conflict WHERE state = 'open' AND document_id IS NOT NULL GROUP BY 1, 2
) k ON k.company = f.company AND k.entity = f.entity
LEFT JOIN (
{outdated}) o ON o.company = f.company AND o.entity = f.entity
ORDER BY f.company, f.entity
