WITH told AS (
    UPDATE notice_delivery SET state = $3, said = $4, not_before = now() + make_interval(secs => $5)
    WHERE channel = $1 AND notice_id = ANY($2) AND state = 'due'
    RETURNING notice_id
), counted AS (
    INSERT INTO notice_message (channel, notices) SELECT $1, count(*) FROM told WHERE $3 = 'sent' HAVING count(*) > 0
)
INSERT INTO audit (kind, actor, detail)
SELECT 'notice', 'tieline', json_build_object('channel', $1, 'state', $3, 'notices', json_agg(notice_id ORDER BY notice_id), 'said', $4)::text
FROM told WHERE $3 <> 'due' HAVING count(*) > 0
