-- rows of this table are never updated, so the physical row id (ctid) identifies a row within one statement
DELETE FROM awaited_parent a
WHERE a.ctid = ANY(ARRAY(
    SELECT t.ctid
    FROM unnest($1::bigint[]) AS n (id)
    CROSS JOIN LATERAL (SELECT d.company, d.entity, d.key FROM document d WHERE d.id = n.id LIMIT 1) d
    CROSS JOIN LATERAL (SELECT t.ctid FROM awaited_parent t WHERE t.company = d.company AND t.entity = d.entity AND t.key = d.key OFFSET 0) t))
RETURNING a.document_id
