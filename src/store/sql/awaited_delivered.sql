WITH RECURSIVE parent AS (
    -- a loose index scan: many records may wait for one
    (SELECT a.company, a.entity, a.key FROM awaited_parent a ORDER BY a.company, a.entity, a.key LIMIT 1)
    UNION ALL
    SELECT n.company, n.entity, n.key FROM parent p, LATERAL (
        SELECT a.company, a.entity, a.key FROM awaited_parent a
        WHERE (a.company, a.entity, a.key) > (p.company, p.entity, p.key)
        ORDER BY a.company, a.entity, a.key LIMIT 1) n
), moved AS MATERIALIZED (
    SELECT v.company, v.entity, v.number FROM moved_mapping v WHERE v.block = 'header'
), delivered AS (
    SELECT * FROM parent w
    WHERE (SELECT 1 FROM document d JOIN record r ON r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
           WHERE d.company = w.company AND d.entity = w.entity AND d.key = w.key
             AND NOT EXISTS (SELECT FROM moved m WHERE m.company = d.company AND m.entity = d.entity AND m.number = d.mapping)
           LIMIT 1) IS NOT NULL
), taken AS (
    -- as in awaited_take.sql
    DELETE FROM awaited_parent a
    WHERE a.ctid = ANY(ARRAY(
        SELECT t.ctid FROM delivered d
        CROSS JOIN LATERAL (SELECT t.ctid FROM awaited_parent t WHERE t.company = d.company AND t.entity = d.entity AND t.key = d.key OFFSET 0) t))
    RETURNING a.document_id
)
SELECT document_id FROM taken
UNION
-- when two parents were settled at once, each transaction still saw the other's row, and neither released the document
SELECT p.document_id FROM pending p
WHERE p.own_state = 'waiting'
  AND (SELECT 1 FROM awaited_parent a WHERE a.document_id = p.document_id LIMIT 1) IS NULL
