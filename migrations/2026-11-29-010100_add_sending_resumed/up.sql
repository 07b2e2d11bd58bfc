-- The pause that ServiceNow asked for: the seconds, its words, and since when. Null: it asked for none.
ALTER TABLE node ADD COLUMN pause_asked double precision;
ALTER TABLE node ADD COLUMN pause_said text;
ALTER TABLE node ADD COLUMN pause_began timestamptz;

-- When a person last ended such pauses early, and who did. Pauses from before are over, for every node.
CREATE TABLE sending_resumed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at timestamptz NOT NULL,
    resumed_by text NOT NULL
);
