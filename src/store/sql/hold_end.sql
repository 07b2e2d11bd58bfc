WITH found AS (
    SELECT d.id, d.key FROM unnest($3::text[]) AS w (key) JOIN document d ON d.company = $1 AND d.entity = $2 AND d.key = w.key
    -- an approval is for the records as they were when it was asked for
    WHERE $7 IS NULL OR EXISTS (SELECT FROM approval_record a WHERE a.approval_id = $7 AND a.document_id = d.id AND a.version = d.version)
), ended AS (
    DELETE FROM hold h USING found f WHERE h.document_id = f.id RETURNING h.document_id
), released AS (
    -- as it was mapped; a delivery that waits for a parent, or could not be mapped, would fail again at once
    UPDATE pending p
    SET own_state = CASE
            WHEN p.block <> 'header' AND EXISTS (SELECT 1 FROM undelivered h WHERE h.document_id = p.document_id AND h.block = 'header') THEN 'after_header'
            ELSE 'queued' END,
        reason = NULL, message = NULL, field = NULL, next_step = NULL, not_before = now(), since = now(), queued_at = now(), attempts = 0
    FROM found f, delivery l
    WHERE p.document_id = f.id AND l.id = p.delivery_id AND p.state IN ('failed', 'waiting', 'on_hold')
      AND p.reason = ANY($6) AND l.action <> 'unmapped'
    RETURNING p.delivery_id, p.document_id, p.version
), touched AS (
    SELECT document_id FROM ended UNION SELECT document_id FROM released
), told AS (
    INSERT INTO audit (kind, company, entity, document_id, actor, detail)
    SELECT 'action', $1, $2, document_id, $4, json_build_object('action', 'release', 'why', $5::text)::text FROM touched
), audited AS (
    INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
    SELECT 'released', $1, $2, document_id, version, delivery_id, $4, json_build_object('why', $5::text)::text FROM released
)
SELECT f.key, EXISTS (SELECT FROM touched WHERE touched.document_id = f.id) AS changed,
       (SELECT count(*) FROM released WHERE released.document_id = f.id) AS deliveries,
       (SELECT count(*) FROM pending p
        WHERE p.document_id = f.id AND p.state IN ('failed', 'waiting', 'on_hold') AND NOT EXISTS (SELECT FROM released r WHERE r.delivery_id = p.delivery_id)) AS left_alone
FROM found f
ORDER BY f.key
