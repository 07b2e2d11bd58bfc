-- What the audit has of deliveries of a record: of those of a page ($4, queued since $5) and, with $6, of those that retention has removed.
-- It reads at most $7 events after $5 and $7 before, and answers at most $8 rows for each delivery, the newest.
WITH this AS MATERIALIZED (
    SELECT d.id FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key = $3
), own AS MATERIALIZED (
    -- the events of the record are found by the index before anything else; their lines are not read yet
    SELECT e.id, e.at, e.kind, e.batch_id, e.line
    FROM (SELECT * FROM event WHERE documents && ARRAY(SELECT id FROM this) OFFSET 0) e
    WHERE e.kind = ANY ('{confirmed,partial_write,deferred,unknown,looked_up,failed,waiting,on_hold,superseded}')
), window_of AS MATERIALIZED (
    (SELECT * FROM own WHERE at >= $5 ORDER BY id LIMIT $7)
    UNION ALL
    (SELECT * FROM own WHERE $6 AND at < $5 ORDER BY id DESC LIMIT $7)
), found AS MATERIALIZED (
    SELECT e.id + r.place - 1 AS id, e.id AS event_id, e.at, e.kind, e.batch_id, r.version, r.delivery_id, r.detail
    FROM window_of e
    CROSS JOIN LATERAL ROWS FROM (
        json_to_recordset(e.line::json -> 'records') AS (document_id bigint, version integer, delivery_id bigint, detail text)
    ) WITH ORDINALITY AS r (document_id, version, delivery_id, detail, place)
    WHERE r.document_id = (SELECT id FROM this) AND r.delivery_id IS NOT NULL
      AND (r.delivery_id = ANY ($4)
           OR ($6 AND ($9 = 0 OR r.delivery_id < $9) AND ($10 IS NULL OR r.version = $10)
               AND (SELECT 1 FROM delivery l WHERE l.id = r.delivery_id) IS NULL))
), numbered AS MATERIALIZED (
    SELECT f.*, row_number() OVER (PARTITION BY f.delivery_id ORDER BY f.id DESC) AS nth,
           count(*) OVER (PARTITION BY f.delivery_id) AS attempts
    FROM found f
), batches AS MATERIALIZED (
    -- the intent of a batch is an event shortly before its outcome: the newest 5,000 numbers before it are searched
    SELECT b.event_id, s.at, s.look_up
    FROM (SELECT DISTINCT event_id, batch_id FROM numbered WHERE batch_id IS NOT NULL AND nth <= $8) b
    CROSS JOIN LATERAL (
        SELECT a.at, (a.line::json #>> '{records,0,detail,look_up}')::boolean AS look_up FROM event a
        WHERE a.id < b.event_id AND a.id > b.event_id - 5000000 AND a.kind = 'attempted' AND a.batch_id = b.batch_id
        ORDER BY a.id DESC LIMIT 1) s
)
SELECT n.delivery_id, n.version, n.at, b.at AS began_at, b.look_up, n.batch_id, n.kind, n.detail, n.attempts,
       (SELECT count(*) FROM window_of) >= $7 AS cut
FROM numbered n
LEFT JOIN batches b ON b.event_id = n.event_id
WHERE n.nth <= $8
ORDER BY n.delivery_id DESC, n.id
