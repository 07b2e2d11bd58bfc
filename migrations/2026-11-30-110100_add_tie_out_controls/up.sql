-- What a tie-out checked within SYSPRO's documents, such as an invoice's amount against its lines.
CREATE TABLE tie_out_control (
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    entity text NOT NULL,
    -- its place in the definition, from 1, and its name there
    number integer NOT NULL,
    name text NOT NULL,
    checked bigint NOT NULL,
    violated bigint NOT NULL,
    -- documents on which it could not be checked
    unchecked bigint NOT NULL,
    -- why it was not checked on any
    left_out text,
    PRIMARY KEY (tie_out_id, company, entity, number)
);

-- A document that violates a control, or on which it could not be checked.
CREATE TABLE tie_out_violation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    document_key text NOT NULL,
    -- the line; empty: the whole document
    record_key text NOT NULL,
    -- it could not be checked
    unchecked boolean NOT NULL DEFAULT false,
    message text NOT NULL
);
CREATE INDEX tie_out_violation_of ON tie_out_violation (tie_out_id, id);
