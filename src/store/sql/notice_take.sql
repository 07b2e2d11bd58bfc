WITH ready AS (
    SELECT d.notice_id
    FROM notice_delivery d
    WHERE d.channel = $1 AND d.state = 'due' AND d.not_before <= now()
      -- the number of messages per hour is limited, and a digest waits for its time
      AND (SELECT count(*) FROM notice_message m WHERE m.channel = $1 AND m.sent_at > now() - interval '1 hour') < $2
      AND EXISTS (SELECT FROM notice_delivery o JOIN notice n ON n.id = o.notice_id
                  WHERE o.channel = $1 AND o.state = 'due' AND n.found_at <= now() - make_interval(mins => $3))
    ORDER BY d.notice_id
    LIMIT 100
    FOR UPDATE SKIP LOCKED
), taken AS (
    -- if the process dies while it sends the message, the next one sends it
    UPDATE notice_delivery d SET not_before = now() + interval '10 minutes', tries = d.tries + 1
    FROM ready r WHERE d.notice_id = r.notice_id AND d.channel = $1
    RETURNING d.notice_id, d.tries
)
SELECT n.id, n.event, n.company, n.entity, n.cause, n.count, n.examples, n.found_at, t.tries
FROM taken t JOIN notice n ON n.id = t.notice_id
ORDER BY n.id
