SELECT least(sum(n.open), $4)::bigint AS open
FROM (
    SELECT count(*) AS open
    FROM (SELECT FROM unnest($1::text[], $2::text[], $3::text[]) AS l (company, entity, block)
          CROSS JOIN LATERAL (
              (SELECT FROM pending p WHERE p.entity = l.entity AND p.block = l.block AND p.company = l.company AND p.own_state = 'queued' AND p.batch_id IS NULL LIMIT $4)
              UNION ALL
              (SELECT FROM pending p WHERE p.entity = l.entity AND p.block = l.block AND p.company = l.company AND p.own_state = 'unknown' AND p.batch_id IS NULL LIMIT $4)) w
          LIMIT $4) t
    UNION ALL
    SELECT coalesce(sum(t.records), 0)
    FROM (SELECT w.records FROM unnest($1::text[], $2::text[], $3::text[]) AS l (company, entity, block)
          CROSS JOIN LATERAL (
              SELECT cardinality(o.deliveries) AS records FROM outbox o
              WHERE o.entity = l.entity AND o.block = l.block AND o.company = l.company AND o.ready LIMIT $4) w
          LIMIT $4) t
) n
