DROP TABLE ledger_day;
CREATE OR REPLACE FUNCTION event_hash(e event) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(json_build_array(extract(epoch FROM e.at), e.id, e.kind, e.company, e.entity, e.batch_id, e.run_id, e.actor, e.documents,
                                             e.records, e.line)::text, 'UTF8'))
$$;
DROP FUNCTION event_text(event);
DROP INDEX audit_seal_with_events;
ALTER TABLE audit_seal DROP COLUMN removed_at, DROP COLUMN archive, DROP COLUMN archive_sha256;
