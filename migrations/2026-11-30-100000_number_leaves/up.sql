SET LOCAL statement_timeout = 0;
-- Each event of the audit gets a number when it is sealed: dense, in the order of the transactions of a life. The numbers belong to the ledger
-- and not to a cluster, so that a restore, a fail-over or an upgrade of the server does not change them. A table of its own: a column of
-- `event` would write each event twice.
CREATE TABLE audit_leaf (
    leaf bigint PRIMARY KEY,
    event_id bigint NOT NULL UNIQUE
);

-- A seal covers the leaves from `first_leaf` to `last_leaf` (none, if the last one is lower): the events of its life whose transaction and
-- number lie from (from_xid, from_id) to (to_xid, to_id), the latter excluded. `day`: the day of the audit to which they belong. `peaks`: the
-- Merkle tree (RFC 6962) over all leaves up to the last one, by the roots of its perfect subtrees.
ALTER TABLE audit_seal
    ADD COLUMN first_leaf bigint, ADD COLUMN last_leaf bigint, ADD COLUMN day date, ADD COLUMN peaks bytea,
    ADD COLUMN from_id bigint, ADD COLUMN to_id bigint;
-- The next pass seals all events in the new form. Of a seal whose events were removed the hash stays.
DELETE FROM audit_seal WHERE removed_at IS NULL;
-- a node of an earlier release cannot write its seals between these
ALTER TABLE audit_seal ADD CONSTRAINT audit_seal_leaves CHECK (
    removed_at IS NOT NULL AND first_leaf IS NULL
    OR first_leaf IS NOT NULL AND last_leaf >= first_leaf - 1 AND day IS NOT NULL AND peaks IS NOT NULL AND from_id IS NOT NULL AND to_id IS NOT NULL
);
CREATE INDEX audit_seal_day ON audit_seal (day);

-- The manifest of each day that has ended, as it was signed, and the signature.
CREATE TABLE audit_day (
    day date PRIMARY KEY,
    manifest text NOT NULL,
    signature text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
-- The public parts of the keys that sign manifests. The private part of the current one is the credential `audit-signing`.
CREATE TABLE audit_key (
    fingerprint text PRIMARY KEY,
    public_key text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- An event as one line of JSON: each of its members is written, null where there is nothing, and the transaction too. `records` is a JSON array
-- of objects with `document_id`, `version`, `delivery_id`, `content` and `detail`, each only where there is one. It is taken over as it is.
CREATE OR REPLACE FUNCTION event_line(id bigint, at timestamptz, kind text, company text, entity text, batch_id uuid, run_id uuid, actor text, records text)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT '{"id":' || id || ',"at":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || 'Z","xid":' || pg_current_xact_id()::text
        || ',"kind":' || to_json(kind)
        || ',"company":' || coalesce(to_json(company)::text, 'null') || ',"entity":' || coalesce(to_json(entity)::text, 'null')
        || ',"batch_id":' || coalesce('"' || batch_id || '"', 'null') || ',"run_id":' || coalesce('"' || run_id || '"', 'null')
        || ',"actor":' || to_json(actor) || ',"records":' || records || '}'
$$;
