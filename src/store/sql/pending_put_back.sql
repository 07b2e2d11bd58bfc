WITH n AS MATERIALIZED (
    SELECT n.*, p.sent_at AS was_sent,
           -- a delivery that is due again or failed, while a newer one of the same record waits behind it, is replaced by the newer one: `+
           -- 0` as in claimable.sql
           CASE WHEN n.state IN ('queued', 'failed', 'waiting', 'on_hold') THEN (
               SELECT max(e.delivery_id + 0) FROM pending e
               WHERE e.document_id = p.document_id AND e.block = p.block AND e.record_key = p.record_key AND e.delivery_id + 0 > p.delivery_id
                 AND e.state IN ('queued', 'after_header', 'failed', 'waiting', 'on_hold')) END AS newer
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::integer[], $10::integer[])
         AS n (delivery_id, state, reason, message, field, next_step, not_before, uncounted, failed_lookups)
    JOIN pending p ON p.delivery_id = n.delivery_id
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
    WHERE p.delivery_id = n.delivery_id AND n.newer IS NULL
)
DELETE FROM pending p USING n WHERE p.delivery_id = n.delivery_id AND n.newer IS NOT NULL
RETURNING p.delivery_id, p.document_id, p.version
