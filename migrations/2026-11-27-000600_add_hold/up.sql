-- Documents that a person holds: nothing of them is sent until the hold is removed. There are few, and they have a table of their own
-- instead of a column of `document`, so that a claim searches a small table.
CREATE TABLE hold (
    document_id bigint PRIMARY KEY,
    held_by text NOT NULL,
    held_at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL
);
