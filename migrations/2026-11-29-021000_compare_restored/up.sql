-- After a restore: the progress of the comparison of the ledger with ServiceNow, per block of a flow and table of its records. The empty
-- block is the flow itself.
CREATE TABLE restored_part (
    life integer NOT NULL,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    target_table text NOT NULL,
    -- `open` or `done`; for a block also `unreadable`
    state text NOT NULL DEFAULT 'open',
    -- where it continues: for a block, the last row read and the hidden rows after it; for the flow, the last document compared
    after text COLLATE "C" NOT NULL DEFAULT '',
    hidden bigint NOT NULL DEFAULT 0,
    -- why it cannot be read
    said text,
    adopted bigint NOT NULL DEFAULT 0,
    again bigint NOT NULL DEFAULT 0,
    unknown bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (life, company, entity, block, target_table)
);
-- The rows of ServiceNow that are still to be compared.
CREATE TABLE restored_row (
    life integer NOT NULL,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    source_key text COLLATE "C" NOT NULL,
    sys_id text NOT NULL,
    target_table text NOT NULL,
    version text,
    PRIMARY KEY (life, company, entity, block, source_key, sys_id)
);
-- The next run of the flow reads everything: what is to be sent again is taken from SYSPRO at that time.
ALTER TABLE flow ADD COLUMN whole_next boolean NOT NULL DEFAULT false;
