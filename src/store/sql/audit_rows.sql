SELECT a.id, a.at, a.kind, coalesce(d.company, a.company) AS company, coalesce(d.entity, a.entity) AS entity, d.key,
       a.version, dl.block, dl.record_key, a.delivery_id, a.batch_id, a.run_id, a.actor, a.detail
-- `{events}` is the table, or the events of a key
FROM {events} e
-- the records of an event: `audit` has a row for each
CROSS JOIN LATERAL (
    SELECT e.id + r.place - 1 AS id, e.at, e.kind, e.company, e.entity, e.batch_id, e.run_id, e.actor,
           r.document_id, r.version, r.delivery_id, r.detail
    FROM ROWS FROM (
        json_to_recordset(e.line::json -> 'records') AS (document_id bigint, version integer, delivery_id bigint, detail text)
    ) WITH ORDINALITY AS r (document_id, version, delivery_id, detail, place)
) a
-- looked up for each row, so that the order of the events stays and the list ends at its limit
LEFT JOIN LATERAL (SELECT d.company, d.entity, d.key FROM document d WHERE d.id = a.document_id OFFSET 0) d ON true
LEFT JOIN LATERAL (SELECT l.block, l.record_key FROM delivery l WHERE l.id = a.delivery_id OFFSET 0) dl ON true
WHERE ($1 IS NULL OR coalesce(d.company, a.company) = $1)
  AND ($2 IS NULL OR coalesce(d.entity, a.entity) = $2)
  AND ($3 IS NULL OR a.document_id = ANY (ARRAY(SELECT id FROM document WHERE key = $3 AND ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2))))
  AND ($4 IS NULL OR e.kind = $4)
  AND ($5 IS NULL OR e.at >= $5)
  AND ($6 IS NULL OR e.at < $6)
