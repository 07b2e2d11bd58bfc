-- What people must look at, as tasks in ServiceNow: one row for each time that it began.
CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CONSTRAINT task_kind CHECK (kind IN ('record', 'cause', 'difference', 'differences')),
    -- what it stands for; open once at a time
    subject text NOT NULL,
    company text NOT NULL,
    entity text NOT NULL,
    -- the record; null: several
    key text,
    cause text,
    records bigint NOT NULL,
    -- the texts of the task, and a hash of them
    title text NOT NULL,
    description text NOT NULL,
    content text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    state text NOT NULL DEFAULT 'due' CONSTRAINT task_state CHECK (state IN ('due', 'open', 'closed_there', 'missing', 'resolving', 'closed')),
    -- the row in ServiceNow, and the hash of the texts that it was last given
    correlation text NOT NULL UNIQUE,
    sys_id text,
    number text,
    sent text,
    sent_at timestamptz,
    checked_at timestamptz,
    -- the work on it: a node has it until `taken_until`
    tries integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    taken_until timestamptz,
    error text,
    failed_at timestamptz
);
CREATE UNIQUE INDEX task_open ON task (subject) WHERE resolved_at IS NULL;
CREATE INDEX task_due ON task (next_at) WHERE state IN ('due', 'open', 'resolving');
