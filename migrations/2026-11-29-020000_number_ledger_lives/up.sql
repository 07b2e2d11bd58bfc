-- Which life of the ledger this is. A ledger that is restored from a backup starts a new life: from then on, transaction numbers, which
-- give the audit its order, belong to another cluster or have been used before.
CREATE TABLE ledger_life (
    number integer PRIMARY KEY,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- the place of the ledger; null until it is known, or where the server does not tell
    system_identifier bigint,
    database_oid bigint,
    table_oid bigint,
    began_at timestamptz NOT NULL DEFAULT now(),
    -- what showed that the ledger had been restored; null for the first life
    why text,
    -- when ServiceNow was compared with the ledger; the first life needs no comparison
    compared_at timestamptz
);
INSERT INTO ledger_life (number, compared_at) VALUES (1, now());

-- The default is the current life: it is changed when a new one starts, so that rows cost no more than before.
ALTER TABLE audit ADD COLUMN life integer NOT NULL DEFAULT 1;
-- The seal that closes a life covers all its rows after its last seal, and states in `mark` what happened.
ALTER TABLE audit_seal ADD COLUMN life integer NOT NULL DEFAULT 1, ADD COLUMN mark text;
-- `xid` is a transaction number of this life
ALTER TABLE notice_position ADD COLUMN life integer NOT NULL DEFAULT 1;
