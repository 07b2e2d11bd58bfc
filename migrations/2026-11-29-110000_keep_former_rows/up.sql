-- Rows of ServiceNow that stand in a table which the definition of their record does not write any more. They stay known: what is deleted in
-- SYSPRO meanwhile is marked in them once a definition writes that table again. As `record`, by table.
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
    -- the mapping under which it was written: a definition may not name the table that ServiceNow put it into
    mapping integer NOT NULL,
    PRIMARY KEY (document_id, block, record_key, target_table)
);

-- The mapping by which a delivery was made: in which table and by which columns it was written. Null: before the ledger kept it.
ALTER TABLE delivery ADD COLUMN mapping integer;
