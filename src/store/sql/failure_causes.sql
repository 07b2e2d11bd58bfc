WITH f AS MATERIALIZED (
    SELECT p.delivery_id, p.document_id, p.company, p.entity, coalesce(p.reason, shown_state(p.state, p.message)) AS why, p.state, coalesce(p.message, '') AS message,
           pending_rank(p.state, p.reason, p.message) AS rank, p.next_step, coalesce(p.first_failed_at, p.since) AS failed_at, {cause} AS cause,
           -- the names in a record differ in any case
           replace(replace(coalesce(p.message, ''), '`' || d.key || '`', '`…`'), '`' || coalesce(nullif(p.record_key, ''), d.key) || '`', '`…`') AS alike,
           d.key, d.amount, d.currency
    FROM pending p JOIN document d ON d.id = p.document_id
    WHERE (p.own_state IN ('failed', 'waiting', 'on_hold', 'unknown') OR (p.own_state = 'queued' AND p.message IS NOT NULL)) AND p.batch_id IS NULL
      AND ($1 IS NULL OR p.company = $1)
      AND ($2 IS NULL OR p.entity = $2)
      AND ($3 IS NULL OR p.reason = $3 OR shown_state(p.state, p.message) = $3)
      AND ($4 IS NULL OR p.message ILIKE '%' || $4 || '%')
      AND ($6 IS NULL OR d.key = $6)
      AND ($7 IS NULL OR p.since >= $7)
      AND ($8 IS NULL OR p.since < $8)
      AND ($9 IS NULL OR {cause} = $9)
), g AS (
    SELECT cause, min(company) AS company, min(entity) AS entity, min(why) AS reason, bool_and(state IN ('failed', 'waiting', 'on_hold')) AS replayable,
           count(*) AS count, count(DISTINCT document_id) AS documents, min(failed_at) AS first, max(failed_at) AS last,
           min(delivery_id) AS example, count(*) OVER () AS causes
    FROM f
    GROUP BY cause
    ORDER BY CASE WHEN $10 THEN min(failed_at) END, count(DISTINCT document_id) DESC, count(*) DESC, cause
    LIMIT $5
), whole AS (
    -- a record counts once, in the state of its worst part, however many of its parts failed and for however many causes
    SELECT count(*) AS documents, coalesce(sum(parts), 0)::bigint AS count, count(*) FILTER (WHERE rank = 3) AS retrying, count(*) FILTER (WHERE rank = 5) AS unknown,
           count(*) FILTER (WHERE rank = 4) AS waiting, count(*) FILTER (WHERE rank = 7) AS failed, count(*) FILTER (WHERE rank = 6) AS on_hold
    FROM (SELECT count(*) AS parts, max(rank) AS rank FROM f GROUP BY document_id) record
), newest AS (
    -- the values are counted over at most this many records: a cause can have a different message for each record
    SELECT cause, document_id FROM (
        SELECT cause, document_id, row_number() OVER (PARTITION BY cause ORDER BY max(delivery_id) DESC) AS number
        FROM f JOIN g USING (cause)
        GROUP BY cause, document_id
    ) d WHERE number <= $11
), counted AS (
    SELECT f.cause, coalesce(f.alike, f.message) AS message, json_agg(DISTINCT f.document_id) AS documents
    FROM f JOIN newest USING (cause, document_id)
    GROUP BY 1, 2
), messages AS (
    SELECT cause, json_agg(json_build_object('message', message, 'documents', documents) ORDER BY message) AS messages
    FROM counted
    GROUP BY cause
), sums AS (
    -- an amount counts once, however many parts of its document failed; amounts of different currencies are never added
    SELECT cause, currency, sum(amount) AS amount, count(*) AS documents
    FROM (SELECT DISTINCT f.cause, f.document_id, coalesce(f.currency, '') AS currency, f.amount FROM f JOIN g USING (cause) WHERE f.amount IS NOT NULL) d
    GROUP BY cause, currency
), amounts AS (
    SELECT cause, json_agg(json_build_object('currency', currency, 'amount', amount::text, 'documents', documents) ORDER BY documents DESC, currency) AS amounts
    FROM sums
    GROUP BY cause
)
SELECT g.cause, g.company, g.entity, g.reason, g.replayable, g.count, g.documents, g.first, g.last, g.causes, w.documents AS all_documents, w.count AS all_count,
       w.retrying, w.unknown, w.waiting, w.failed, w.on_hold,
       e.key AS example_key, e.message AS example, e.next_step,
       coalesce(m.messages, '[]')::text AS messages, coalesce(a.amounts, '[]')::text AS amounts
FROM g
CROSS JOIN whole w
JOIN f e ON e.delivery_id = g.example
LEFT JOIN messages m ON m.cause = g.cause
LEFT JOIN amounts a ON a.cause = g.cause
ORDER BY CASE WHEN $10 THEN g.first END, g.documents DESC, g.count DESC, g.cause
