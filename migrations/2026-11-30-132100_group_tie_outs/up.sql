-- To which supplier, account and document type a record belongs, by the fields that its definition names. Null: no field is named, or the
-- row does not show it.
ALTER TABLE tie_out_row
    ADD COLUMN supplier text,
    ADD COLUMN account text,
    ADD COLUMN document_type text;
ALTER TABLE tie_out_found
    ADD COLUMN supplier text,
    ADD COLUMN account text,
    ADD COLUMN document_type text;
-- rows that are kept do not show it, so that every table is listed again
DELETE FROM tie_out_listing;

-- The sums of one period and currency by supplier, by account or by document type.
CREATE TABLE tie_out_group (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    -- null: the records have no fiscal period
    year integer,
    period integer,
    currency text NOT NULL,
    grouped_by text NOT NULL CONSTRAINT tie_out_group_grouped_by CHECK (grouped_by IN ('supplier', 'account', 'type')),
    -- empty: the records name none
    value text NOT NULL,
    syspro_records bigint NOT NULL,
    syspro_amount numeric,
    -- what SYSPRO no longer has, and ServiceNow keeps
    gone_records bigint NOT NULL,
    gone_amount numeric,
    servicenow_records bigint NOT NULL,
    servicenow_amount numeric
);
CREATE INDEX tie_out_group_of ON tie_out_group (tie_out_id, grouped_by, id);
