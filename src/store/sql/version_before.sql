-- The contents that documents were last read with, and the columns that were read then.
SELECT d.id, v.content, (SELECT r.columns::text FROM mapping r WHERE r.company = $1 AND r.entity = $2 AND r.number = d.reading) AS columns
FROM unnest($3::bigint[]) AS w (id)
CROSS JOIN LATERAL (SELECT d.id, d.version, d.reading FROM document d WHERE d.id = w.id OFFSET 0) d
CROSS JOIN LATERAL (SELECT v.content FROM version v WHERE v.document_id = d.id AND v.version = d.version OFFSET 0) v
