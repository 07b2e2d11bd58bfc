-- The fiscal periods of a document's current content, as year * 100 + period (202603; 202600: a year without periods). Null: it has
-- none, or was read before this column was there.
ALTER TABLE document ADD COLUMN fiscal_periods integer[];

-- The close of one company and fiscal period. Without a row it is open.
CREATE TABLE close_period (
    company text NOT NULL,
    -- year * 100 + period
    number integer NOT NULL,
    state text NOT NULL DEFAULT 'open' CONSTRAINT close_period_state CHECK (state IN ('open', 'prepared', 'signed', 'locked', 'suspended')),
    -- deliveries of its documents are held: it was locked, and has not been unlocked since
    frozen boolean NOT NULL DEFAULT false,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company, number)
);

-- Every step of a close: signatures, and what suspended them. Rows are never changed or removed.
CREATE TABLE close_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company text NOT NULL,
    number integer NOT NULL,
    step text NOT NULL CONSTRAINT close_step_step CHECK (step IN ('prepare', 'sign', 'lock', 'unlock', 'suspend')),
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    why text NOT NULL,
    -- the tie-out that the step is based on; for `suspend`, the one that found the difference
    tie_out_id bigint,
    tie_out_at timestamptz,
    -- the sums of that tie-out for the period, and the reasons for its differences: what was signed
    sums jsonb NOT NULL DEFAULT '[]',
    reasons jsonb NOT NULL DEFAULT '[]',
    -- the run that found the change that suspended the period
    run_id uuid
);
CREATE INDEX close_step_of ON close_step (company, number, id);

-- Reasons for differences of a period. A reason holds for a later tie-out as long as the difference is the same.
CREATE TABLE close_reason (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company text NOT NULL,
    number integer NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    document_key text NOT NULL,
    record_key text NOT NULL,
    kind text NOT NULL,
    field text NOT NULL DEFAULT '',
    cause text NOT NULL DEFAULT '',
    amount numeric,
    -- the item that was shown when the reason was given
    item_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    why text NOT NULL
);
CREATE INDEX close_reason_of ON close_reason (company, number, document_key);

-- Documents that changed in SYSPRO for a period that was not open, and those that left a period.
CREATE TABLE close_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company text NOT NULL,
    number integer NOT NULL,
    document_id bigint NOT NULL,
    entity text NOT NULL,
    key text NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL CONSTRAINT close_change_kind CHECK (kind IN ('added', 'altered', 'gone', 'moved_out')),
    -- the state of the period when it was found
    state text NOT NULL,
    run_id uuid NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX close_change_of ON close_change (company, number, id);

-- The locked period that holds the document; null: a person does.
ALTER TABLE hold ADD COLUMN locked_period integer;
CREATE INDEX hold_locked ON hold (locked_period) WHERE locked_period IS NOT NULL;
