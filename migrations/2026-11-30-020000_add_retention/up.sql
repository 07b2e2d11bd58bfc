-- Retention removes the events of old seals. A seal stays, with its hash: since when its events are gone, and the archive file that has
-- them, if one was written, with the file's SHA-256.
ALTER TABLE audit_seal ADD COLUMN removed_at timestamptz, ADD COLUMN archive text, ADD COLUMN archive_sha256 bytea;
-- finds the oldest seals whose events are still there
CREATE INDEX audit_seal_with_events ON audit_seal (id) WHERE removed_at IS NULL;

-- The text that a seal covers of an event: what an archive has in a line of its own, so that the hash can be recomputed from the file.
CREATE FUNCTION event_text(e event) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_array(extract(epoch FROM e.at), e.id, e.kind, e.company, e.entity, e.batch_id, e.run_id, e.actor, e.documents,
                            e.records, e.line)::text
$$;
CREATE OR REPLACE FUNCTION event_hash(e event) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(event_text(e), 'UTF8'))
$$;

-- The size of the database on each day on which a service ran. The node that inserts the row of a day runs that day's retention pass.
CREATE TABLE ledger_day (
    day date PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    bytes bigint NOT NULL
);
