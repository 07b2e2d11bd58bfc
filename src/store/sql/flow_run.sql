-- Takes a flow and starts a run of it, where nothing speaks against it: no row means that something does, and nothing was written. As
-- flow_take.sql sees it: $4 is the longest lease, $5 the seconds since it was due by a schedule, $6 whether that was a sweep's schedule.
-- $7: the holder; $8: the seconds of its lease; $9: whether a person asked; $10: the definitions.
WITH taken AS (
    UPDATE flow f
    SET holder = $7, epoch = f.epoch + 1, lease_until = now() + make_interval(secs => $8), last_progress_at = now()
    WHERE f.company = $2 AND f.entity = $3 AND f.stopped IS NULL AND (f.paused_by IS NULL OR $9)
      AND (f.holder IS NULL OR f.holder = $7 OR NOT coalesce(f.lease_until > now() AND f.lease_until <= now() + make_interval(secs => $4), false))
      AND NOT coalesce(CASE WHEN $6 THEN f.last_sweep_at ELSE f.last_success_at END BETWEEN now() - make_interval(secs => $5) AND now(), false)
      AND NOT EXISTS (SELECT FROM definition_in_force d WHERE d.number <> $10)
      -- a run that did not end is ended first
      AND NOT EXISTS (SELECT FROM run r WHERE r.company = $2 AND r.entity = $3 AND r.ended_at IS NULL AND r.kind IN ('poll', 'sweep', 'backfill'))
      AND {same_life}
    RETURNING f.*
), begun AS (
    INSERT INTO run (id, company, entity, kind, requested_by, definition) SELECT $11, t.company, t.entity, $12, $13, $10 FROM taken t
), audited AS (
    INSERT INTO event (id, kind, company, entity, run_id, actor, documents, records, line)
    SELECT n.id, 'run', n.company, n.entity, $11, $13, '{}', 1, event_line(n.id, now(), 'run', n.company, n.entity, NULL, $11, $13, $14)
    FROM (SELECT nextval(pg_get_serial_sequence('event', 'id')) AS id, t.company, t.entity FROM taken t OFFSET 0) n
)
SELECT t.*, false AS leased, false AS done FROM taken t
