SELECT d.company, d.entity, d.key, r.sys_id
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[]) AS w (company, entity, key)) w
JOIN document d ON d.company = w.company AND d.entity = w.entity AND d.key = w.key
JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
