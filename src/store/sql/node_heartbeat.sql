WITH beat AS (
    INSERT INTO node (incarnation, name, batch_size, concurrency, breaker, paused_until, definition, pause_asked, pause_said, pause_began)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $8, $9, $10, CASE WHEN $9 IS NOT NULL THEN now() - make_interval(secs => $11) END)
    ON CONFLICT (incarnation) DO UPDATE
    SET seen_at = now(), batch_size = excluded.batch_size, concurrency = excluded.concurrency, breaker = excluded.breaker,
        paused_until = excluded.paused_until, definition = excluded.definition, pause_asked = excluded.pause_asked,
        pause_said = excluded.pause_said, pause_began = excluded.pause_began
), lifted AS (
    -- a trial succeeded: the pause is over for all nodes
    INSERT INTO sending_resumed (at, resumed_by) SELECT now(), $2 WHERE $12
    ON CONFLICT (one) DO UPDATE SET at = excluded.at, resumed_by = excluded.resumed_by
), others AS (
    SELECT breaker, paused_until, seen_at > now() - make_interval(secs => $7) AS alive,
           -- a pause that ServiceNow asked for stays valid, even if the node that was asked is gone, until a person ends it
           pause_asked IS NOT NULL AND pause_began > coalesce((SELECT at FROM sending_resumed), '-infinity') AS asked,
           pause_asked IS NULL AS own
    FROM node WHERE incarnation <> $1
)
SELECT count(*) FILTER (WHERE alive) AS nodes,
       coalesce(max(extract(epoch FROM paused_until - now())) FILTER (WHERE paused_until > now() AND (asked OR (own AND alive))), 0)::float8 AS pause,
       count(*) FILTER (WHERE alive AND breaker = 'open' AND paused_until > now()) > 0 AS broken,
       (SELECT number FROM definition_in_force) AS in_force,
       (SELECT extract(epoch FROM now() - at)::float8 FROM sending_resumed) AS resumed
FROM others
