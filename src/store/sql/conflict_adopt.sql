WITH adopted AS (
    INSERT INTO alignment (company, entity, adopted_at) VALUES ($1, $2, now())
    ON CONFLICT (company, entity) DO UPDATE SET adopted_at = coalesce(alignment.adopted_at, now())
), decided AS (
    UPDATE conflict
    SET state = 'decided', decided_by = $4, decided_at = now(), changed_at = now(), why = $5,
        side = CASE kind WHEN 'only_syspro' THEN 'syspro' WHEN 'only_servicenow' THEN 'servicenow' ELSE $3 END
    WHERE company = $1 AND entity = $2 AND state = 'open'
      AND (kind IN ('only_syspro', 'only_servicenow') OR (kind = 'first_contact' AND $3 IS NOT NULL))
    RETURNING *
), audited AS (
    INSERT INTO audit (kind, company, entity, document_id, actor, detail)
    SELECT 'conflict', company, entity, document_id, $4,
           json_build_object('conflict', id, 'key', key, 'field', field, 'state', 'decided', 'side', side, 'why', why, 'syspro', syspro, 'servicenow', servicenow)::text
    FROM decided
), said AS (
    INSERT INTO audit (kind, company, entity, actor, detail)
    SELECT 'action', $1, $2, $4, json_build_object('action', 'adopt', 'prefer', $3, 'why', $5, 'decided', (SELECT count(*) FROM decided))::text
)
SELECT *, NULL AS delivery FROM decided ORDER BY id
