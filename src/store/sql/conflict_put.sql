WITH n AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                         $13::timestamptz[], $14::text[], $15::timestamptz[])
        AS n (subject, document_id, key, sys_id, field, source, kind, state, agreed, syspro, syspro_at, servicenow, servicenow_at)
), put AS (
    INSERT INTO conflict (company, entity, subject, document_id, key, sys_id, field, source, kind, state, agreed, syspro, syspro_at, servicenow, servicenow_at)
    SELECT $1, $2, n.* FROM n
    ON CONFLICT (company, entity, subject, field) WHERE state <> 'closed' DO UPDATE
    SET document_id = excluded.document_id, key = excluded.key, sys_id = excluded.sys_id, source = excluded.source, kind = excluded.kind,
        state = excluded.state, agreed = excluded.agreed, syspro = excluded.syspro, syspro_at = excluded.syspro_at,
        servicenow = excluded.servicenow, servicenow_at = excluded.servicenow_at, changed_at = now(),
        -- a decision is valid for its two values only
        side = CASE WHEN excluded.state <> 'open' AND (conflict.syspro, conflict.servicenow) = (excluded.syspro, excluded.servicenow) THEN conflict.side END,
        decided_by = CASE WHEN excluded.state <> 'open' AND (conflict.syspro, conflict.servicenow) = (excluded.syspro, excluded.servicenow) THEN conflict.decided_by END,
        decided_at = CASE WHEN excluded.state <> 'open' AND (conflict.syspro, conflict.servicenow) = (excluded.syspro, excluded.servicenow) THEN conflict.decided_at END,
        why = CASE WHEN excluded.state <> 'open' AND (conflict.syspro, conflict.servicenow) = (excluded.syspro, excluded.servicenow) THEN conflict.why END,
        said = CASE WHEN excluded.state = 'to_apply' AND (conflict.syspro, conflict.servicenow) = (excluded.syspro, excluded.servicenow) THEN conflict.said END
    RETURNING id, document_id, key, sys_id, field, kind, state, agreed, syspro, servicenow
)
INSERT INTO audit (kind, company, entity, document_id, run_id, actor, detail)
SELECT 'conflict', $1, $2, document_id, $16, 'tieline',
       json_build_object('conflict', id, 'key', key, 'sys_id', sys_id, 'field', field, 'kind', kind, 'state', state, 'agreed', agreed, 'syspro', syspro, 'servicenow', servicenow)::text
FROM put
