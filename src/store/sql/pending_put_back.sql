UPDATE pending p
SET state = n.state, reason = n.reason, message = n.message, field = n.field, next_step = n.next_step,
    not_before = n.not_before, batch_id = NULL, since = CASE WHEN p.state = n.state THEN p.since ELSE now() END,
    attempts = greatest(p.attempts - n.uncounted, 0),
    -- an answer that is missed now belongs to a request that left no later than now
    sent_at = CASE WHEN n.state = 'in_doubt' AND NOT $9 THEN now() ELSE p.sent_at END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::integer[])
     AS n (delivery_id, state, reason, message, field, next_step, not_before, uncounted)
WHERE p.delivery_id = n.delivery_id
