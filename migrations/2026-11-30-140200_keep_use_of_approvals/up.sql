ALTER TABLE approval
    -- the action without its records: SHA-256 of its subject and its parameters
    ADD COLUMN scope text NOT NULL DEFAULT '',
    -- the execution that uses it, and until when it may be silent; both null: nobody does
    ADD COLUMN execution uuid,
    ADD COLUMN used_until timestamptz;
-- approvals whose execution has not ended
CREATE INDEX approval_in_use ON approval (used_until) WHERE used_until IS NOT NULL;
