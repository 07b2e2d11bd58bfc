-- One row for each event; its number goes into its line.
INSERT INTO event (id, kind, company, entity, batch_id, run_id, actor, documents, records, line)
SELECT n.id, n.kind, n.company, n.entity, n.batch_id, n.run_id, n.actor, n.documents::bigint[], n.records,
       event_line(n.id, now(), n.kind, n.company, n.entity, n.batch_id, n.run_id, n.actor, n.lines)
FROM (
    SELECT nextval(s.name) AS id, u.*
    FROM (SELECT pg_get_serial_sequence('event', 'id')::regclass AS name OFFSET 0) s
    CROSS JOIN unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::integer[], $9::text[])
        AS u (kind, company, entity, batch_id, run_id, actor, documents, records, lines)
    OFFSET 0
) n
