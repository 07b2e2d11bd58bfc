SELECT a.id, a.at, a.kind, coalesce(d.company, a.company) AS company, coalesce(d.entity, a.entity) AS entity, d.key,
       a.version, dl.block, dl.record_key, a.delivery_id, a.batch_id, a.run_id, a.actor, a.detail
FROM audit a
LEFT JOIN document d ON d.id = a.document_id
LEFT JOIN delivery dl ON dl.id = a.delivery_id
WHERE ($1 IS NULL OR coalesce(d.company, a.company) = $1)
  AND ($2 IS NULL OR coalesce(d.entity, a.entity) = $2)
  -- an array, and no join: so the index by document is used
  AND ($3 IS NULL OR a.document_id = ANY (ARRAY(SELECT id FROM document WHERE key = $3 AND ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2))))
  AND ($4 IS NULL OR a.kind = $4)
  AND ($5 IS NULL OR a.at >= $5)
  AND ($6 IS NULL OR a.at < $6)
