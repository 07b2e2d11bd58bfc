-- The heads of signed days that are put outside the ledger: at most one row for each day and place. A node takes a row before it writes, so
-- that no other one writes the same head at the same time.
CREATE TABLE audit_outside (
    day date NOT NULL,
    -- `servicenow`: a row of a table there; `timestamp`: a token of a time-stamping authority
    place text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    -- not taken again before
    not_before timestamptz NOT NULL DEFAULT now(),
    -- when it was there, on evidence
    done_at timestamptz,
    -- what was done, or the error of the last attempt
    said text,
    -- the answer of the time-stamping authority (RFC 3161), as it came
    token bytea,
    PRIMARY KEY (day, place)
);
