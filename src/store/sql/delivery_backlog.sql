SELECT count(*) AS waiting, (SELECT f.stopped FROM flow f WHERE f.company = $1 AND f.entity = $2) AS stopped
FROM (SELECT FROM unnest($3::text[]) AS b (block)
      CROSS JOIN LATERAL (SELECT FROM pending p WHERE p.entity = $2 AND p.block = b.block AND p.company = $1 AND p.own_state = 'queued' AND p.batch_id IS NULL LIMIT $4) w
      LIMIT $4) t
