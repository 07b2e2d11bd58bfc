-- Values from ServiceNow that SYSPRO was asked to store and does not show yet.
CREATE TABLE way_back (
    document_id bigint NOT NULL,
    field text NOT NULL,
    -- SYSPRO's value when the call was decided, and the value that it must have after the call
    was text NOT NULL,
    wanted text NOT NULL,
    -- `called`: it may have been carried out, or may still be; `accepted`: SYSPRO confirmed it
    state text NOT NULL,
    called_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, field)
);

-- why a change is not in SYSPRO yet
ALTER TABLE conflict ADD COLUMN said text;
