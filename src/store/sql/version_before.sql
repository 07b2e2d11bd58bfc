-- The last contents of documents, and the columns that were read for them.
WITH known AS MATERIALIZED (
    SELECT d.id, d.version, d.reading
    FROM unnest($3::bigint[]) AS w (id)
    CROSS JOIN LATERAL (SELECT d.id, d.version, d.reading FROM document d WHERE d.id = w.id OFFSET 0) d
), reading AS MATERIALIZED (
    -- once for each, not for each document
    SELECT k.number, (SELECT r.columns::text FROM mapping r WHERE r.company = $1 AND r.entity = $2 AND r.number = k.number) AS columns
    FROM (SELECT DISTINCT reading AS number FROM known) k
)
SELECT k.id, v.content, (SELECT r.columns FROM reading r WHERE r.number = k.reading) AS columns
FROM known k
CROSS JOIN LATERAL (SELECT v.content FROM version v WHERE v.document_id = k.id AND v.version = k.version OFFSET 0) v
