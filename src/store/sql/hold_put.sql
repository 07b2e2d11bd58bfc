WITH found AS (
    SELECT d.id, d.key FROM unnest($3::text[]) AS w (key) JOIN document d ON d.company = $1 AND d.entity = $2 AND d.key = w.key
), put AS (
    INSERT INTO hold (document_id, held_by, why) SELECT DISTINCT id, $4, $5 FROM found
    -- what a locked period holds is held by the person from now on
    ON CONFLICT (document_id) DO UPDATE SET held_by = excluded.held_by, held_at = now(), why = excluded.why, locked_period = NULL
        WHERE hold.locked_period IS NOT NULL
    RETURNING document_id
), held AS (
    UPDATE pending p
    SET own_state = 'on_hold', reason = 'on_hold', message = 'held by ' || $4 || ': ' || $5, field = NULL, next_step = $6, since = now()
    FROM put
    WHERE p.document_id = put.document_id AND p.state = 'queued'
    RETURNING p.delivery_id, p.document_id, p.version
), told AS (
    INSERT INTO audit (kind, company, entity, document_id, actor, detail)
    SELECT 'action', $1, $2, put.document_id, $4, json_build_object('action', 'hold', 'why', $5::text)::text FROM put
), audited AS (
    INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
    SELECT 'on_hold', $1, $2, document_id, version, delivery_id, $4, json_build_object('reason', 'on_hold', 'message', $5::text)::text FROM held
)
SELECT f.key, EXISTS (SELECT FROM put WHERE put.document_id = f.id) AS changed,
       (SELECT count(*) FROM held WHERE held.document_id = f.id) AS deliveries,
       -- a delivery that was sent cannot be called back
       (SELECT count(*) FROM undelivered p WHERE p.document_id = f.id AND p.state IN ('sending', 'unknown')) AS left_alone
FROM found f
ORDER BY f.key
