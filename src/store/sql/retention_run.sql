-- Runs that may go, in some blocks of the table. `{blocks}`: $1 and $2; $3: how long they are kept. What a run queued is counted in it when it
-- arrives, and an interrupted sweep continues under the number of its first run.
SELECT d.ctid FROM run d
WHERE {blocks} AND d.ended_at < now() - $3::text::interval
  AND CASE
      WHEN (SELECT 1 FROM pending p WHERE p.run_id = d.id LIMIT 1) IS NOT NULL THEN false
      WHEN (SELECT d.records + coalesce(sum(c.records), 0) = d.delivered + d.replaced + coalesce(sum(c.delivered + c.replaced), 0)
            FROM run_count c WHERE c.run_id = d.id) THEN true
      -- neither the outbox nor the batches have an index of runs: they are read only for a run whose counts do not say it, and once
      ELSE d.id <> ALL (ARRAY(
          SELECT o.run_id FROM outbox o
          UNION
          SELECT l.run_id FROM intent i CROSS JOIN LATERAL unnest(i.taken) AS u (id) CROSS JOIN LATERAL (SELECT l.run_id FROM delivery l WHERE l.id = u.id OFFSET 0) l
          WHERE l.run_id IS NOT NULL))
      END
  AND (SELECT 1 FROM sweep_seen s WHERE s.run_id = d.id LIMIT 1) IS NULL
  AND (SELECT 1 FROM flow f WHERE f.position::text LIKE '%' || d.id || '%' LIMIT 1) IS NULL
