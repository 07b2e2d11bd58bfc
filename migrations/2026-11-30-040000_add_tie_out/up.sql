-- A tie-out compares the records of SYSPRO, as they are read for it, with the rows of ServiceNow, as they are read for it.
CREATE TABLE tie_out (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    requested_by text NOT NULL,
    why text,
    state text NOT NULL DEFAULT 'running' CONSTRAINT tie_out_state CHECK (state IN ('running', 'done', 'failed')),
    -- the cut: what changes later is not a difference
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    error text,
    -- the set of definitions under which the records were mapped
    definition integer
);

-- One block of one flow in a tie-out.
CREATE TABLE tie_out_block (
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    tables text[] NOT NULL DEFAULT '{}',
    -- fields that no row of ServiceNow returned
    not_compared text[] NOT NULL DEFAULT '{}',
    -- why the two sides could not be compared
    unverified text,
    -- a side did not answer
    unread boolean NOT NULL DEFAULT false,
    -- why it is not compared by a tie-out
    left_out text,
    PRIMARY KEY (tie_out_id, company, entity, block)
);

-- What was read, until the comparison has ended.
CREATE TABLE tie_out_row (
    tie_out_id bigint NOT NULL,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    -- `syspro`; `gone`: what SYSPRO no longer has and ServiceNow keeps with a mark; `servicenow`
    side text NOT NULL CONSTRAINT tie_out_row_side CHECK (side IN ('syspro', 'gone', 'servicenow')),
    document_key text NOT NULL,
    record_key text NOT NULL,
    document_hash bytea,
    year integer,
    period integer,
    currency text NOT NULL DEFAULT '',
    amount numeric,
    -- the compared fields, as JSON with its keys in order
    fields text NOT NULL,
    -- why the document could not be mapped
    unmapped text,
    sys_id text,
    target_table text,
    updated_by text,
    updated_at text,
    -- 1, or more for a further row with the same key
    nth integer NOT NULL DEFAULT 1
);
CREATE INDEX tie_out_row_record ON tie_out_row (tie_out_id, company, entity, block, document_key, record_key, side);

-- The sums of one period and currency.
CREATE TABLE tie_out_bucket (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    -- null: the records have no fiscal period
    year integer,
    period integer,
    currency text NOT NULL,
    syspro_records bigint NOT NULL,
    syspro_amount numeric,
    -- delivered, according to the ledger
    ledger_records bigint NOT NULL,
    ledger_amount numeric,
    -- what SYSPRO no longer has, and ServiceNow keeps
    gone_records bigint NOT NULL,
    gone_amount numeric,
    servicenow_records bigint NOT NULL,
    servicenow_amount numeric,
    -- differences that a person must look at, and those that the next runs end
    open_items bigint NOT NULL,
    timing_items bigint NOT NULL,
    -- ServiceNow's amount less SYSPRO's and what is gone, by the items
    explained numeric,
    verdict text NOT NULL CONSTRAINT tie_out_bucket_verdict CHECK (verdict IN ('tied', 'balanced', 'untied', 'unverified')),
    CONSTRAINT tie_out_bucket_once UNIQUE NULLS NOT DISTINCT (tie_out_id, company, entity, block, year, period, currency)
);

-- One difference.
CREATE TABLE tie_out_item (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    document_key text NOT NULL,
    record_key text NOT NULL,
    year integer,
    period integer,
    currency text NOT NULL,
    -- what it adds to ServiceNow's amount less SYSPRO's and what is gone
    amount numeric,
    kind text NOT NULL CONSTRAINT tie_out_item_kind CHECK (kind IN ('missing', 'extra', 'twice', 'differs', 'unmapped')),
    field text,
    syspro_value text,
    servicenow_value text,
    sys_id text,
    target_table text,
    updated_by text,
    updated_at text,
    document_hash bytea,
    cause text,
    open boolean NOT NULL DEFAULT true,
    message text,
    -- the first tie-out in a row that found it
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tie_out_item_of ON tie_out_item (tie_out_id, id);
CREATE INDEX tie_out_item_record ON tie_out_item (tie_out_id, company, entity, block, document_key, record_key);
