WITH closed AS (
    UPDATE conflict c SET state = 'closed', closed_at = now(), changed_at = now(), outcome = n.outcome
    FROM unnest($3::bigint[], $4::text[]) AS n (id, outcome)
    WHERE c.id = n.id AND c.company = $1 AND c.entity = $2 AND c.state <> 'closed'
    RETURNING c.id, c.document_id, c.key, c.field, c.outcome
)
INSERT INTO audit (kind, company, entity, document_id, run_id, actor, detail)
SELECT 'conflict', $1, $2, document_id, $5, 'tieline', json_build_object('conflict', id, 'key', key, 'field', field, 'state', 'closed', 'outcome', outcome)::text
FROM closed
