SELECT count(*) AS open
FROM (SELECT FROM unnest($1::text[], $2::text[], $3::text[]) AS l (company, entity, block)
      CROSS JOIN LATERAL (
          (SELECT FROM pending p WHERE p.entity = l.entity AND p.block = l.block AND p.company = l.company AND p.state = 'queued' LIMIT $4)
          UNION ALL
          (SELECT FROM pending p WHERE p.entity = l.entity AND p.block = l.block AND p.company = l.company AND p.state = 'unknown' LIMIT $4)) w
      LIMIT $4) t
