-- Requests for the approval of a second person.
CREATE TABLE approval (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    -- what exactly is asked for: an approval holds for the same text alone
    subject text NOT NULL,
    asked_by text NOT NULL,
    why text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'asked' CONSTRAINT approval_state CHECK (state IN ('asked', 'approved', 'rejected', 'used', 'expired')),
    answered_by text,
    answered_at timestamptz,
    answer text
);
CREATE INDEX approval_open ON approval (expires_at) WHERE state IN ('asked', 'approved');
