-- Values of ServiceNow's that SYSPRO was asked to store and has not been seen to have stored.
CREATE TABLE way_back (
    document_id bigint NOT NULL,
    field text NOT NULL,
    -- what SYSPRO said when the call was decided on, and what it was to say after it
    was text NOT NULL,
    wanted text NOT NULL,
    -- `called`: it may have been carried out, or may yet be; `accepted`: SYSPRO said that it was
    state text NOT NULL,
    called_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, field)
);

-- why a change has not got into SYSPRO yet
ALTER TABLE conflict ADD COLUMN said text;
