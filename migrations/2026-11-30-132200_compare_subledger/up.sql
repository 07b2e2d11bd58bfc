-- SYSPRO's AP sub-ledger against a control account of its general ledger, for an AP month. For information: no sum of a tie-out depends on
-- it.
CREATE TABLE tie_out_subledger (
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    -- empty: nothing of the company could be compared
    account text NOT NULL,
    -- 0: the current month; 1, 2: those before
    months_back integer NOT NULL,
    -- the AP branches of the account
    branches text[] NOT NULL,
    -- year * 100 + month, and the period of the general ledger in the same form
    month integer,
    period integer,
    -- the company's own currency; all amounts are in it
    currency text NOT NULL,
    subledger_balance numeric,
    control_balance numeric,
    subledger_movement numeric,
    control_movement numeric,
    -- journals that are made and not posted, AP journals without one, and postings that do not come from AP
    unposted_entries bigint NOT NULL,
    unposted_amount numeric NOT NULL,
    not_integrated_entries bigint NOT NULL,
    not_integrated_amount numeric NOT NULL,
    foreign_entries bigint NOT NULL,
    foreign_amount numeric NOT NULL,
    -- balances in other currencies, each as `USD 12.00`
    other_currencies text[] NOT NULL,
    verdict text NOT NULL CONSTRAINT tie_out_subledger_verdict CHECK (verdict IN ('agrees', 'timing', 'foreign', 'differs', 'not_compared')),
    -- why it is not compared, or what is not known
    why text,
    PRIMARY KEY (tie_out_id, company, account, months_back)
);

-- A posting or journal behind these numbers; the first of each kind, account and period.
CREATE TABLE tie_out_subledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    account text NOT NULL,
    kind text NOT NULL CONSTRAINT tie_out_subledger_entry_kind CHECK (kind IN ('unposted', 'not_integrated', 'foreign')),
    -- year * 100 + period
    period integer NOT NULL,
    journal text NOT NULL,
    source text NOT NULL,
    reference text NOT NULL,
    amount numeric NOT NULL
);
CREATE INDEX tie_out_subledger_entry_of ON tie_out_subledger_entry (tie_out_id, id);
