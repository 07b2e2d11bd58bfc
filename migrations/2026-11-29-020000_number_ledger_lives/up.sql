-- Which life of the ledger this is. A ledger that is restored from a backup begins a new one: transaction numbers, from which the audit's
-- order is taken, are another cluster's from then on, or have been given before.
CREATE TABLE ledger_life (
    number integer PRIMARY KEY,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- where it lives; null until it is known, or where the server does not tell
    system_identifier bigint,
    database_oid bigint,
    table_oid bigint,
    began_at timestamptz NOT NULL DEFAULT now(),
    -- how it was seen that the ledger had been restored; null for the first life
    why text,
    -- when what ServiceNow has had been compared with it; the first life needs none
    compared_at timestamptz
);
INSERT INTO ledger_life (number, compared_at) VALUES (1, now());

-- The default is the life that is lived: it is set anew when one begins, so that rows cost no more than before.
ALTER TABLE audit ADD COLUMN life integer NOT NULL DEFAULT 1;
-- The seal that closes a life covers all that it has beyond the seal before, and says in `mark` what happened.
ALTER TABLE audit_seal ADD COLUMN life integer NOT NULL DEFAULT 1, ADD COLUMN mark text;
-- `xid` is a number of this life
ALTER TABLE notice_position ADD COLUMN life integer NOT NULL DEFAULT 1;
