WITH n AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $7::text[]) AS n (key, why, next_step, shown)
), marked AS (
    UPDATE awaited_parent a SET absent_since = now(), absent_why = n.why
    FROM n
    WHERE a.company = $1 AND a.entity = $2 AND a.key = n.key AND a.absent_why IS DISTINCT FROM n.why
    RETURNING a.document_id, a.key, n.why, n.next_step, n.shown
), first AS (
    SELECT DISTINCT ON (document_id) * FROM marked ORDER BY document_id, key
), said AS (
    UPDATE pending p
    SET message = 'refers to ' || $2 || ' `' || f.shown || '` of company ' || $1 || ', which ' || f.why || ' (whole read of '
                  || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"') || ')',
        next_step = f.next_step
    FROM first f
    WHERE p.document_id = f.document_id AND p.state = 'waiting'
    RETURNING p.delivery_id, p.document_id, p.version, p.message, p.next_step
), audited AS (
    INSERT INTO audit (kind, document_id, version, delivery_id, run_id, actor, detail)
    SELECT 'waiting', document_id, version, delivery_id, $6, 'tieline',
           json_build_object('reason', 'missing_parent', 'absent', true, 'message', message, 'next_step', next_step)::text
    FROM said
)
SELECT count(DISTINCT document_id) AS count FROM said
