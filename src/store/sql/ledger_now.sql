-- The place of the ledger, and its highest numbers. The transaction numbers that it has stored must be lower than those that the cluster
-- assigns next.
SELECT (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_oid,
       'ledger_life'::regclass::oid::bigint AS table_oid,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid,
       greatest((SELECT CASE WHEN s.life = l.number AND s.mark IS NULL THEN s.to_xid END FROM audit_seal s ORDER BY s.id DESC LIMIT 1),
                (SELECT max(p.xid) FROM notice_position p WHERE p.life = l.number),
                (SELECT a.xid FROM event a WHERE a.life = l.number ORDER BY a.id DESC LIMIT 1)) AS kept_xid,
       (SELECT max(a.at) FROM (SELECT at FROM event ORDER BY id DESC LIMIT 100) a) AS newest,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS tells,
       l.number, l.id, l.system_identifier, l.database_oid AS known_database_oid, l.table_oid AS known_table_oid, l.began_at, l.why, l.compared_at
FROM ledger_life l ORDER BY l.number DESC LIMIT 1
