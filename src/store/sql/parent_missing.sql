SELECT w.entity, w.key
FROM unnest($2::text[], $3::text[]) AS w (entity, key)
WHERE (SELECT 1 FROM document d JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
       WHERE d.company = $1 AND d.entity = w.entity AND d.key = w.key LIMIT 1) IS NULL
