-- Moves due times back after the clock was set back by $1 seconds, so that nothing waits longer than it would have without that.
WITH set_back AS (
    SELECT now() AS shown, make_interval(secs => $1) AS by
), pending_row AS (
    UPDATE pending p
    SET not_before = CASE WHEN p.not_before > b.shown THEN p.not_before - b.by ELSE p.not_before END,
        since = CASE WHEN p.since > b.shown THEN p.since - b.by ELSE p.since END,
        sent_at = CASE WHEN p.sent_at > b.shown THEN p.sent_at - b.by ELSE p.sent_at END,
        queued_at = CASE WHEN p.queued_at > b.shown THEN p.queued_at - b.by ELSE p.queued_at END,
        first_failed_at = CASE WHEN p.first_failed_at > b.shown THEN p.first_failed_at - b.by ELSE p.first_failed_at END
    FROM set_back b
    WHERE greatest(p.not_before, p.since, p.sent_at, p.queued_at, p.first_failed_at) > b.shown
), batch AS (
    UPDATE intent i
    SET lease_until = CASE WHEN i.lease_until > b.shown THEN i.lease_until - b.by ELSE i.lease_until END,
        claimed_at = CASE WHEN i.claimed_at > b.shown THEN i.claimed_at - b.by ELSE i.claimed_at END
    FROM set_back b WHERE greatest(i.lease_until, i.claimed_at) > b.shown
), outbox_row AS (
    UPDATE outbox o SET queued_at = o.queued_at - b.by FROM set_back b WHERE o.queued_at > b.shown
), flow_row AS (
    UPDATE flow f SET lease_until = f.lease_until - b.by FROM set_back b WHERE f.lease_until > b.shown
), enet AS (
    UPDATE enet_session e SET lease_until = e.lease_until - b.by FROM set_back b WHERE e.lease_until > b.shown
), backfill_row AS (
    UPDATE backfill f SET not_before = f.not_before - b.by FROM set_back b WHERE f.state = 'open' AND f.not_before > b.shown
), polled AS (
    UPDATE downstream d
    SET next_check = CASE WHEN d.next_check > b.shown THEN d.next_check - b.by ELSE d.next_check END,
        arrived_at = CASE WHEN d.arrived_at > b.shown THEN d.arrived_at - b.by ELSE d.arrived_at END
    FROM set_back b WHERE d.state = 'open' AND greatest(d.next_check, d.arrived_at) > b.shown
), told AS (
    UPDATE notice_delivery d SET not_before = d.not_before - b.by FROM set_back b WHERE d.state = 'due' AND d.not_before > b.shown
), found AS (
    UPDATE notice n SET found_at = n.found_at - b.by FROM set_back b WHERE n.found_at > b.shown
), message AS (
    UPDATE notice_message m SET sent_at = m.sent_at - b.by FROM set_back b WHERE m.sent_at > b.shown
), asked AS (
    UPDATE idempotency i SET asked_at = i.asked_at - b.by FROM set_back b WHERE i.asked_at > b.shown
), console AS (
    UPDATE console_session s SET used_at = least(s.used_at, b.shown), expires_at = s.expires_at - b.by
    FROM set_back b WHERE s.used_at > b.shown OR s.opened_at > b.shown
), resumed AS (
    UPDATE sending_resumed r SET at = r.at - b.by FROM set_back b WHERE r.at > b.shown
), called AS (
    UPDATE write_back w SET called_at = w.called_at - b.by FROM set_back b WHERE w.called_at > b.shown
)
UPDATE node n
SET seen_at = CASE WHEN n.seen_at > b.shown THEN n.seen_at - b.by ELSE n.seen_at END,
    paused_until = CASE WHEN n.paused_until > b.shown THEN n.paused_until - b.by ELSE n.paused_until END,
    pause_began = CASE WHEN n.pause_began > b.shown THEN n.pause_began - b.by ELSE n.pause_began END
FROM set_back b
