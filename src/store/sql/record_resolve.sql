WITH moved AS MATERIALIZED (SELECT v.company, v.entity, v.number FROM moved_mapping v WHERE v.company = ANY ($1) AND v.block = 'header')
SELECT w.company, w.entity, w.key, r.sys_id
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[]) AS w (company, entity, key)) w
CROSS JOIN LATERAL (
    SELECT r.sys_id FROM document d JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
    WHERE d.company = w.company AND d.entity = w.entity AND d.key = w.key
      AND NOT EXISTS (SELECT FROM moved m WHERE m.company = d.company AND m.entity = d.entity AND m.number = d.mapping)
    LIMIT 1) r
