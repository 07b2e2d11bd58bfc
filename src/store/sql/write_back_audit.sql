WITH told AS (
    UPDATE conflict c SET said = $3, changed_at = now()
    WHERE c.id = ANY($4) AND c.company = $1 AND c.entity = $2 AND c.state = 'to_apply' AND c.said IS DISTINCT FROM $3
    RETURNING c.id, c.document_id, c.key, c.field
)
INSERT INTO audit (kind, company, entity, document_id, run_id, actor, detail)
SELECT 'conflict', $1, $2, document_id, $5, 'tieline',
       json_build_object('conflict', id, 'key', key, 'field', field, 'write_back', $6, 'object', $7, 'said', $3)::text
FROM told WHERE $3 IS NOT NULL
