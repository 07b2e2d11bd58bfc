-- ServiceNow's rows as the newest tie-out listed them. They are kept, so that a table that has not changed need not be listed again.
CREATE TABLE tie_out_found (
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    document_key text NOT NULL,
    record_key text NOT NULL,
    -- of the row itself, or of its record; null: not known
    year integer,
    period integer,
    currency text NOT NULL DEFAULT '',
    amount numeric,
    -- the compared fields, as JSON with its keys in order
    fields text NOT NULL,
    sys_id text NOT NULL,
    target_table text NOT NULL,
    updated_by text,
    updated_at text,
    -- 1, or more for a further row with the same key
    nth integer NOT NULL DEFAULT 1,
    PRIMARY KEY (company, entity, block, document_key, record_key, target_table, sys_id)
);

-- A table that was listed completely, and how it can be seen whether it has changed since.
CREATE TABLE tie_out_listing (
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    target_table text NOT NULL,
    -- what was asked of its rows
    asked text NOT NULL,
    -- number of rows, sum of their changes, time of the last change
    vector text NOT NULL,
    -- fields that some row returned
    returned text[] NOT NULL,
    listed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company, entity, block, target_table)
);
ALTER TABLE tie_out_block
    -- ServiceNow's rows were listed then, and have not changed since
    ADD COLUMN listed_at timestamptz;
