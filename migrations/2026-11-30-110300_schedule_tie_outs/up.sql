ALTER TABLE tie_out
    -- the time of the schedule for which it was made; null: a person asked
    ADD COLUMN scheduled_for timestamptz,
    -- what it shows, once it is done
    ADD COLUMN result text CONSTRAINT tie_out_result CHECK (result IN ('tied', 'balanced', 'untied', 'unverified')),
    -- differences and documents that a person must look at
    ADD COLUMN open_items bigint;
-- several services make one of them for each time
CREATE UNIQUE INDEX tie_out_scheduled ON tie_out (scheduled_for) WHERE scheduled_for IS NOT NULL;
