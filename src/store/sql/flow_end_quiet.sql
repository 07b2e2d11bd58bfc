-- Ends a poll that took nothing in, and releases its flow: the watermark moves, as at the end of every read. False: the flow is not held any
-- more, or other definitions are in force, and nothing was written. $4, $5: the holder and its epoch; $6: the definitions; $7: the watermark;
-- $8: why sending stopped early, if it did; $10: the outcome; $12: the number of rows of
-- its tables, after a whole read.
WITH held AS (
    UPDATE flow f
    SET holder = NULL, lease_until = NULL, last_progress_at = now(), watermark = $7, position = NULL, sizes = coalesce($12, f.sizes),
        last_success_at = CASE WHEN $8 IS NULL THEN now() ELSE f.last_success_at END,
        whole_next = f.whole_next AND $8 IS NOT NULL,
        last_sweep_at = CASE WHEN $8 IS NULL AND f.whole_next THEN now() ELSE f.last_sweep_at END,
        last_error = $8, last_error_at = CASE WHEN $8 IS NULL THEN NULL ELSE now() END, last_error_lasts = false
    WHERE f.company = $2 AND f.entity = $3 AND f.holder = $4 AND f.epoch = $5
      AND NOT EXISTS (SELECT FROM definition_in_force d WHERE d.number <> $6)
      AND {same_life}
    RETURNING f.company, f.entity
), ended AS (
    UPDATE run r SET ended_at = now(), outcome = $10, error = $8 WHERE r.id = $9 AND EXISTS (SELECT FROM held)
), audited AS (
    INSERT INTO event (id, kind, company, entity, run_id, actor, documents, records, line)
    SELECT n.id, 'run', n.company, n.entity, $9, 'tieline', '{}', 1, event_line(n.id, now(), 'run', n.company, n.entity, NULL, $9, 'tieline', $11)
    FROM (SELECT nextval(pg_get_serial_sequence('event', 'id')) AS id, h.company, h.entity FROM held h OFFSET 0) n
)
SELECT EXISTS (SELECT FROM held)
       -- it was done before, and the answer was lost
       OR EXISTS (SELECT FROM run r WHERE r.id = $9 AND r.ended_at IS NOT NULL AND r.outcome = $10 AND r.error IS NOT DISTINCT FROM $8) AS ended
