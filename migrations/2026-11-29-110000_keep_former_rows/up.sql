-- Rows of ServiceNow in a table that the definition of their record no longer writes. They stay known: when a definition writes that table
-- again, records that were deleted in SYSPRO in the meantime are marked there. Like `record`, by table.
CREATE TABLE former_record (
    document_id bigint NOT NULL,
    block text NOT NULL,
    record_key text NOT NULL,
    target_table text NOT NULL,
    sys_id text NOT NULL,
    version integer NOT NULL,
    delivery_id bigint NOT NULL,
    confirmed_at timestamptz NOT NULL,
    own_row boolean NOT NULL,
    partial text[],
    -- the mapping under which it was written: a definition need not name the table into which ServiceNow put the row
    mapping integer NOT NULL,
    PRIMARY KEY (document_id, block, record_key, target_table)
);

-- The mapping of a delivery: its table and columns. Null: before the ledger kept it.
ALTER TABLE delivery ADD COLUMN mapping integer;
