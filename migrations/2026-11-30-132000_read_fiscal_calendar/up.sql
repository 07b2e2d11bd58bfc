-- SYSPRO's own fiscal periods, as tie-outs read them. Periods of years that SYSPRO's control row no longer has stay.
CREATE TABLE fiscal_calendar (
    company text PRIMARY KEY,
    read_at timestamptz NOT NULL DEFAULT now(),
    -- the current period, as year * 100 + period; null: not known
    current integer,
    -- why it could not be read the last time; what was read before is still there
    problem text
);
CREATE TABLE fiscal_calendar_period (
    company text NOT NULL,
    -- year * 100 + period
    number integer NOT NULL,
    ends date NOT NULL,
    -- SYSPRO's own word for open or closed; empty: none
    status text NOT NULL,
    -- what it means; null: the settings do not say
    open boolean,
    PRIMARY KEY (company, number)
);
