WITH n AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n (event, subject, company, entity, said)
    UNION ALL
    -- flows that have not succeeded for long although nobody paused them
    SELECT 'flow_stale', f.company || '/' || f.entity, f.company, f.entity,
           'the last good run ended at ' || to_char(f.last_success_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')
           || coalesce('; the last error: ' || left(f.last_error, 200), '')
    FROM flow f
    WHERE 'flow_stale' = ANY($6) AND f.paused_at IS NULL AND f.stopped IS NULL AND f.last_success_at < now() - make_interval(hours => $7)
      -- flows that the configuration no longer contains are not expected to run
      AND EXISTS (SELECT FROM unnest($9::text[], $10::text[]) AS made (company, entity) WHERE made.company = f.company AND made.entity = f.entity)
    UNION ALL
    -- keys that expire soon (as `ApiKeyRow::state` says it), or have expired lately: nobody waits for an old one
    SELECT 'key_expiring', k.name, NULL, NULL,
           'key `' || k.name || '` (' || k.role || CASE WHEN k.person IS NULL THEN '' ELSE ', of ' || k.person END || ') '
           || CASE WHEN k.expires_at > now() THEN 'expires' ELSE 'expired' END || ' at ' || to_char(k.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')
    FROM api_key k
    WHERE 'key_expiring' = ANY($6) AND k.expires_at - now() < least(make_interval(days => $11), (k.expires_at - coalesce(k.end_set_at, k.created_at)) / 4) AND k.expires_at > now() - interval '30 days'
), over AS (
    DELETE FROM notice_standing s WHERE NOT EXISTS (SELECT FROM n WHERE n.event = s.event AND n.subject = s.subject)
), new AS (
    INSERT INTO notice_standing (event, subject) SELECT event, subject FROM n ON CONFLICT DO NOTHING RETURNING event, subject
), made AS (
    INSERT INTO notice (event, company, entity, count, examples)
    SELECT n.event, n.company, n.entity, 1, json_build_array(json_build_object('key', n.subject, 'said', n.said))::text
    FROM n JOIN new USING (event, subject)
    RETURNING id
)
INSERT INTO notice_delivery (notice_id, channel) SELECT m.id, c.channel FROM made m CROSS JOIN unnest($8::text[]) AS c (channel)
