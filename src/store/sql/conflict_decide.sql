WITH decided AS (
    UPDATE conflict SET state = 'decided', side = $2, decided_by = $3, decided_at = now(), changed_at = now(), why = $4, said = NULL
    WHERE id = ANY($1) AND state <> 'closed' AND kind <> 'ambiguous'
    RETURNING *
), audited AS (
    INSERT INTO audit (kind, company, entity, document_id, actor, detail)
    SELECT 'conflict', company, entity, document_id, $3,
           json_build_object('conflict', id, 'key', key, 'field', field, 'state', 'decided', 'side', side, 'why', why, 'syspro', syspro, 'servicenow', servicenow)::text
    FROM decided
)
SELECT *, NULL AS delivery FROM decided ORDER BY id
