WITH old AS (
    DELETE FROM node WHERE seen_at < now() - interval '1 day'
), beat AS (
    INSERT INTO node (incarnation, name, batch_size, concurrency, breaker, paused_until, definition)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $8)
    ON CONFLICT (incarnation) DO UPDATE
    SET seen_at = now(), batch_size = excluded.batch_size, concurrency = excluded.concurrency, breaker = excluded.breaker,
        paused_until = excluded.paused_until, definition = excluded.definition
)
-- the others that live
SELECT count(*) AS nodes,
       coalesce(max(extract(epoch FROM paused_until - now())) FILTER (WHERE paused_until > now()), 0)::float8 AS pause,
       count(*) FILTER (WHERE breaker = 'open' AND paused_until > now()) > 0 AS broken,
       (SELECT number FROM definition_in_force) AS in_force
FROM node
WHERE incarnation <> $1 AND seen_at > now() - make_interval(secs => $7)
