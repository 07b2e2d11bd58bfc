-- Documents that a person holds back: nothing of them is sent until the hold is taken off. The few rows there are stand beside `pending`
-- and not in `document`, so that a claim looks through a small table.
CREATE TABLE hold (
    document_id bigint PRIMARY KEY,
    held_by text NOT NULL,
    held_at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL
);
