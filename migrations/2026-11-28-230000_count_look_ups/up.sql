-- Consecutive look-ups that failed for this delivery alone, while others could be looked up.
ALTER TABLE pending ADD COLUMN looks integer NOT NULL DEFAULT 0;
