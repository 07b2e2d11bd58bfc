-- Holds documents $2 of company $1 for the locked period $3. One that a person holds already stays as it is.
WITH put AS (
    INSERT INTO hold (document_id, held_by, why, locked_period) SELECT DISTINCT id, $4, $5, $3 FROM unnest($2::bigint[]) AS w (id)
    ON CONFLICT (document_id) DO NOTHING
    RETURNING document_id
), held AS (
    UPDATE pending p
    SET own_state = 'on_hold', reason = 'on_hold', message = 'held by ' || $4 || ': ' || $5, field = NULL, next_step = $6, since = now()
    FROM unnest($2::bigint[]) AS w (id)
    WHERE p.document_id = w.id AND p.state = 'queued'
    RETURNING p.delivery_id, p.document_id, p.entity, p.version
), told AS (
    INSERT INTO audit (kind, company, entity, document_id, actor, detail)
    SELECT 'action', $1, d.entity, d.id, 'tieline', json_build_object('action', 'hold', 'why', $5::text)::text
    FROM put JOIN document d ON d.id = put.document_id
), audited AS (
    INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
    SELECT 'on_hold', $1, entity, document_id, version, delivery_id, 'tieline', json_build_object('reason', 'on_hold', 'message', $5::text)::text
    FROM held
)
SELECT document_id FROM put
