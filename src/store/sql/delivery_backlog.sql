SELECT least(sum(n.waiting), $4)::bigint AS waiting, (SELECT f.stopped FROM flow f WHERE f.company = $1 AND f.entity = $2) AS stopped
FROM (
    SELECT count(*) AS waiting
    FROM (SELECT FROM unnest($3::text[]) AS b (block)
          CROSS JOIN LATERAL (SELECT FROM pending p WHERE p.entity = $2 AND p.block = b.block AND p.company = $1 AND p.own_state = 'queued' AND p.batch_id IS NULL LIMIT $4) w
          LIMIT $4) t
    UNION ALL
    SELECT coalesce(sum(t.records), 0)
    FROM (SELECT w.records FROM unnest($3::text[]) AS b (block)
          CROSS JOIN LATERAL (
              SELECT cardinality(o.deliveries) AS records FROM outbox o WHERE o.entity = $2 AND o.block = b.block AND o.company = $1 AND o.ready LIMIT $4) w
          LIMIT $4) t
) n
