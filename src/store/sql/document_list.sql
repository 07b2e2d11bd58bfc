SELECT d.id, d.company, d.entity, d.key, d.version, d.deleted, s.failed, s.waiting, s.on_hold, s.unknown, s.sending, s.retrying, s.queued,
       (SELECT count(*) FROM conflict c WHERE c.document_id = d.id AND c.state = 'open') AS conflicts
-- `chosen`: all documents, those with a part that is not delivered, those on hold, or those that a run read (documents.rs)
FROM chosen d
CROSS JOIN LATERAL (
    SELECT count(*) AS outstanding,
           count(*) FILTER (WHERE p.state = 'failed') AS failed,
           count(*) FILTER (WHERE p.state = 'waiting') AS waiting,
           count(*) FILTER (WHERE p.state = 'on_hold') AS on_hold,
           count(*) FILTER (WHERE p.state = 'unknown') AS unknown,
           count(*) FILTER (WHERE p.state = 'sending') AS sending,
           count(*) FILTER (WHERE shown_state(p.state, p.message) = 'retrying') AS retrying,
           count(*) FILTER (WHERE shown_state(p.state, p.message) = 'queued') AS queued
    FROM undelivered p WHERE p.document_id = d.id
) s
WHERE d.id > $1
  -- a placeholder for a row that can be read by now was never a record
  AND NOT (d.deleted AND {stands_for_a_row})
  AND ($2 IS NULL OR d.company = $2)
  AND ($3 IS NULL OR d.entity = $3)
  AND ($4 IS NULL OR starts_with(d.key, $4))
  AND CASE $5
        WHEN 'failed' THEN s.failed > 0
        WHEN 'waiting' THEN s.waiting > 0
        WHEN 'unknown' THEN s.unknown > 0
        WHEN 'retrying' THEN s.retrying > 0
        WHEN 'sending' THEN s.sending > 0
        WHEN 'queued' THEN s.queued > 0
        WHEN 'in_conflict' THEN EXISTS (SELECT FROM conflict c WHERE c.document_id = d.id AND c.state = 'open')
        WHEN 'delivered' THEN s.outstanding = 0
                              AND NOT EXISTS (SELECT FROM conflict c WHERE c.document_id = d.id AND c.state = 'open')
        WHEN 'gone' THEN d.deleted
        WHEN 'on_hold' THEN EXISTS (SELECT FROM hold h WHERE h.document_id = d.id)
        ELSE true
      END
  AND ($7 IS NULL OR EXISTS (SELECT FROM undelivered p WHERE p.document_id = d.id AND p.message ILIKE '%' || $7 || '%'))
  AND (($8::timestamptz IS NULL AND $9::timestamptz IS NULL)
       OR EXISTS (SELECT FROM version v WHERE v.document_id = d.id AND v.version = d.version
                  AND ($8 IS NULL OR v.read_at >= $8) AND ($9 IS NULL OR v.read_at < $9)))
  -- always true where `chosen` is the documents of a run
  AND ($10 IS NULL OR EXISTS (SELECT FROM version r WHERE r.document_id = d.id AND r.run_id = $10))
ORDER BY d.id
LIMIT $6
