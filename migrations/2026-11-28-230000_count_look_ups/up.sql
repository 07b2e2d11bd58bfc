-- How many look-ups of this delivery alone failed, in a row, while others could be looked up.
ALTER TABLE pending ADD COLUMN looks integer NOT NULL DEFAULT 0;
