WITH n AS (
    SELECT * FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
        AS n (document_id, record_key, delivery_id, state, said, next_poll, again)
), ended AS (
    -- a poll for a delivery that has been replaced shows nothing about the new one
    UPDATE downstream w
    SET state = n.state, said = n.said, checks = w.checks + 1, next_check = now() + make_interval(secs => coalesce(n.next_poll, 0)),
        ended_at = CASE WHEN n.state <> 'open' THEN now() END, replays = w.replays + CASE WHEN n.again IS NOT NULL THEN 1 ELSE 0 END
    FROM n
    WHERE w.document_id = n.document_id AND w.block = $1 AND w.record_key = n.record_key AND w.delivery_id = n.delivery_id AND w.state = 'open'
    RETURNING w.document_id, w.record_key, w.delivery_id, w.company, w.entity, w.state, w.said, n.again
), back AS (
    -- a failed record waits for a person or for its next attempt, unless a newer delivery of it is in progress
    INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, run_id, own_state, reason, message, next_step, not_before)
    SELECT e.delivery_id, e.document_id, e.company, e.entity, l.version, $1, e.record_key, l.run_id,
           CASE WHEN e.again IS NULL THEN 'failed' ELSE 'queued' END, CASE WHEN e.again IS NULL THEN 'downstream' END, e.said,
           CASE WHEN e.again IS NULL THEN $9 ELSE $10 END,
           now() + make_interval(secs => coalesce(e.again, 0))
    FROM ended e
    JOIN delivery l ON l.id = e.delivery_id
    WHERE e.state = 'failed'
      AND NOT EXISTS (SELECT FROM undelivered p WHERE p.document_id = e.document_id AND p.block = $1 AND p.record_key = e.record_key)
    ON CONFLICT (delivery_id) DO NOTHING
    RETURNING document_id, run_id
), no_longer AS (
    -- its run counted it as delivered; records with undelivered parts were not counted
    UPDATE run r SET delivered = r.delivered - c.records, confirmed = r.confirmed - c.parts
    FROM (SELECT b.run_id, count(*) AS parts,
                 count(DISTINCT b.document_id) FILTER (
                     WHERE NOT EXISTS (SELECT FROM undelivered p WHERE p.document_id = b.document_id AND p.run_id = b.run_id)) AS records
          FROM back b GROUP BY b.run_id) c
    WHERE r.id = c.run_id
)
INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, actor, detail)
SELECT 'downstream', e.company, e.entity, e.document_id, l.version, e.delivery_id, 'tieline',
       json_build_object('state', e.state, 'said', e.said, 'again_in_seconds', e.again)::text
FROM ended e
JOIN delivery l ON l.id = e.delivery_id
WHERE e.state <> 'open'
