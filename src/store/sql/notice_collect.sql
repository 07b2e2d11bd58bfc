-- Rows of transactions older than every open one are final: no rows can be added among them. The rows of a life that ended with a restore
-- are all final, and come before the first row of the next life.
WITH bounds AS (
    SELECT p.life, p.xid AS from_xid,
           CASE WHEN p.life < l.now THEN 9223372036854775807
                ELSE greatest(p.xid, pg_snapshot_xmin(pg_current_snapshot())::text::bigint) END AS to_xid,
           CASE WHEN p.life < l.now THEN p.life + 1 ELSE p.life END AS next_life
    FROM notice_position p, (SELECT max(number) AS now FROM ledger_life) l FOR UPDATE OF p
), moved AS (
    UPDATE notice_position SET xid = CASE WHEN b.next_life > b.life THEN 0 ELSE b.to_xid END, life = b.next_life
    FROM bounds b WHERE b.to_xid > b.from_xid
), news AS (
    SELECT a.id, coalesce(a.company, d.company) AS company, coalesce(a.entity, d.entity) AS entity,
           CASE a.kind WHEN 'failed' THEN 'records_failed' WHEN 'waiting' THEN 'records_failed' WHEN 'downstream' THEN 'downstream_failed' WHEN 'conflict' THEN 'conflicts_opened'
                       WHEN 'partial_write' THEN 'partial_write' WHEN 'restored' THEN 'ledger_restored' WHEN 'close' THEN 'close_suspended'
                       WHEN 'approval' THEN 'approval_needed' WHEN 'definition' THEN 'approval_needed'
                       ELSE CASE a.detail::jsonb ->> 'action' WHEN 'audit day' THEN 'audit_head' WHEN 'tie_out_ended' THEN 'tie_out_not_tied'
                                                                  ELSE 'flow_stopped' END END AS event,
           CASE a.kind WHEN 'failed' THEN a.detail::jsonb ->> 'reason' WHEN 'waiting' THEN a.detail::jsonb ->> 'reason' WHEN 'conflict' THEN a.detail::jsonb ->> 'kind'
                       WHEN 'partial_write' THEN (SELECT string_agg(f ->> 'field', ', ' ORDER BY f ->> 'field')
                                                  FROM jsonb_array_elements(a.detail::jsonb -> 'fields') AS f) END AS cause,
           coalesce(d.key, a.detail::jsonb ->> 'key', CASE WHEN a.kind = 'approval' THEN a.detail::jsonb ->> 'number' END, '') AS key,
           coalesce(CASE WHEN a.kind = 'partial_write' THEN
                        (SELECT string_agg(format('%s: `%s` was sent, `%s` is there', f ->> 'field', f ->> 'sent', f ->> 'returned'), '; '
                                           ORDER BY f ->> 'field')
                         FROM jsonb_array_elements(a.detail::jsonb -> 'fields') AS f) END,
                    a.detail::jsonb ->> 'message', a.detail::jsonb ->> 'said', a.detail::jsonb ->> 'why', a.detail::jsonb ->> 'field', '') AS said
    FROM bounds b
    -- an event older than a day was written before notices were turned on, or is not news any more
    JOIN event e ON e.xid >= b.from_xid AND e.xid < b.to_xid AND e.life = b.life AND e.at > now() - interval '1 day'
        AND e.kind IN ('failed', 'waiting', 'downstream', 'partial_write', 'restored', 'conflict', 'action', 'close', 'approval', 'definition')
    CROSS JOIN LATERAL ROWS FROM (json_to_recordset(e.line::json -> 'records') AS (document_id bigint, detail text))
        WITH ORDINALITY AS r (document_id, detail, place)
    CROSS JOIN LATERAL (SELECT e.id + r.place - 1 AS id, e.kind, e.company, e.entity, r.document_id, r.detail) a
    LEFT JOIN document d ON d.id = a.document_id
    WHERE a.kind = 'failed'
       -- a waiting record is news only when its parent will not arrive
       OR (a.kind = 'waiting' AND a.detail::jsonb ->> 'absent' = 'true')
       OR (a.kind = 'downstream' AND a.detail::jsonb ->> 'state' = 'failed' AND a.detail::jsonb ->> 'again_in_seconds' IS NULL)
       OR a.kind IN ('partial_write', 'restored')
       OR (a.kind = 'conflict' AND a.detail::jsonb ->> 'state' = 'open')
       OR (a.kind = 'action' AND a.detail::jsonb ->> 'action' IN ('stop', 'audit day'))
       OR (a.kind = 'close' AND a.detail::jsonb ->> 'action' = 'suspend')
       OR (a.kind = 'approval' AND a.detail::jsonb ->> 'action' = 'ask')
       OR (a.kind = 'definition' AND a.detail::jsonb ->> 'action' = 'unapproved')
       -- of a tie-out by the schedule alone: a person who asked for one sees its result
       OR (a.kind = 'action' AND a.detail::jsonb ->> 'action' = 'tie_out_ended' AND a.detail::jsonb ->> 'scheduled' = 'true'
           AND a.detail::jsonb ->> 'result' NOT IN ('tied', 'balanced'))
), told_of AS (
    -- each record once, however many parts it has; each entry of a conflict
    SELECT DISTINCT ON (event, company, entity, cause, CASE WHEN event = 'conflicts_opened' THEN id::text ELSE key END) *
    FROM news WHERE event = ANY($1)
    ORDER BY event, company, entity, cause, CASE WHEN event = 'conflicts_opened' THEN id::text ELSE key END, id
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY event, company, entity, cause ORDER BY id) AS number FROM told_of
), made AS (
    INSERT INTO notice (event, company, entity, cause, count, examples)
    SELECT event, company, entity, cause, count(*),
           json_agg(json_build_object('key', key, 'said', left(said, 300)) ORDER BY id) FILTER (WHERE number <= 10)::text
    FROM numbered
    GROUP BY event, company, entity, cause
    RETURNING id
)
INSERT INTO notice_delivery (notice_id, channel) SELECT m.id, c.channel FROM made m CROSS JOIN unnest($2::text[]) AS c (channel)
