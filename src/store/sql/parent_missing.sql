WITH moved AS MATERIALIZED (SELECT v.entity, v.number FROM moved_mapping v WHERE v.company = $1 AND v.block = 'header')
SELECT w.entity, w.key,
       -- a parent that was delivered and is still missing is in another table
       (SELECT 1 FROM document d JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
        WHERE d.company = $1 AND d.entity = w.entity AND d.key = w.key LIMIT 1) IS NOT NULL AS elsewhere
FROM unnest($2::text[], $3::text[]) AS w (entity, key)
WHERE (SELECT 1 FROM document d JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
       WHERE d.company = $1 AND d.entity = w.entity AND d.key = w.key
         -- if it was sent to another table than the current one, the reference of this record does not find it
         AND NOT EXISTS (SELECT FROM moved m WHERE m.entity = d.entity AND m.number = d.mapping)
       LIMIT 1) IS NULL
