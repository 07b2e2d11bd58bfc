-- What ServiceNow asked for when it asked for a pause: so many seconds, in these words, and since when. Null: it asked for none.
ALTER TABLE node ADD COLUMN pause_asked double precision;
ALTER TABLE node ADD COLUMN pause_said text;
ALTER TABLE node ADD COLUMN pause_began timestamptz;

-- When pauses that ServiceNow asked for were last ended before their time, and by whom. Those that began before are over, for every node.
CREATE TABLE sending_resumed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at timestamptz NOT NULL,
    resumed_by text NOT NULL
);
