-- Stores what is known of deliveries that are not confirmed. `$11`: those that the batch took from the outbox, which get a row; `$12`: when
-- they were sent.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::integer[], $10::integer[])
        AS n (delivery_id, state, reason, message, field, next_step, not_before, uncounted, failed_lookups)
), found AS MATERIALIZED (
    SELECT n.*, p.document_id, p.version, p.block, p.record_key, p.sent_at AS was_sent, false AS taken
    FROM given n JOIN pending p ON p.delivery_id = n.delivery_id
    UNION ALL
    SELECT n.*, l.document_id, l.version, l.block, l.record_key, $12, true
    FROM given n CROSS JOIN LATERAL (SELECT l.document_id, l.version, l.block, l.record_key FROM delivery l WHERE l.id = n.delivery_id OFFSET 0) l
    WHERE n.delivery_id = ANY($11)
), n AS MATERIALIZED (
    SELECT f.*,
           -- a delivery that is due again or failed, while a newer one of the same record waits behind it, is replaced by the newer one: `+
           -- 0` as in claimable.sql
           CASE WHEN f.state IN ('queued', 'failed', 'waiting', 'on_hold') THEN (
               SELECT max(e.delivery_id + 0) FROM pending e
               WHERE e.document_id = f.document_id AND e.block = f.block AND e.record_key = f.record_key AND e.delivery_id + 0 > f.delivery_id
                 AND e.state IN ('queued', 'after_header', 'failed', 'waiting', 'on_hold')) END AS newer
    FROM found f
), inherited AS (
    -- the newer one inherits what may have arrived of the older one
    UPDATE pending p SET sent_at = n.was_sent FROM n WHERE p.delivery_id = n.newer AND p.sent_at IS NULL AND n.was_sent IS NOT NULL
), put_back AS (
    UPDATE pending p
    SET own_state = n.state, reason = n.reason, message = n.message, field = n.field, next_step = n.next_step,
        not_before = n.not_before, batch_id = NULL, since = CASE WHEN p.state = n.state THEN p.since ELSE now() END,
        first_failed_at = coalesce(p.first_failed_at, now()),
        attempts = greatest(p.attempts - n.uncounted, 0),
        failed_lookups = n.failed_lookups,
        -- a missing answer belongs to a request that was sent before now
        sent_at = CASE WHEN n.state = 'unknown' AND NOT $9 THEN now() ELSE p.sent_at END
    FROM n
    WHERE p.delivery_id = n.delivery_id AND n.newer IS NULL AND NOT n.taken
), put AS (
    INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message, field, next_step,
                         attempts, not_before, sent_at, run_id, first_failed_at, queued_at, failed_lookups)
    SELECT n.delivery_id, n.document_id, d.company, d.entity, n.version, n.block, n.record_key, n.state, n.reason, n.message, n.field, n.next_step,
           greatest(1 - n.uncounted, 0), n.not_before, CASE WHEN n.state = 'unknown' THEN now() ELSE n.was_sent END, l.run_id, now(), l.created_at,
           n.failed_lookups
    FROM n
    CROSS JOIN LATERAL (SELECT d.company, d.entity FROM document d WHERE d.id = n.document_id OFFSET 0) d
    CROSS JOIN LATERAL (SELECT l.run_id, l.created_at FROM delivery l WHERE l.id = n.delivery_id OFFSET 0) l
    WHERE n.newer IS NULL AND n.taken
), replaced AS (
    DELETE FROM pending p USING n WHERE p.delivery_id = n.delivery_id AND n.newer IS NOT NULL AND NOT n.taken
)
SELECT n.delivery_id, n.document_id, n.version FROM n WHERE n.newer IS NOT NULL
