-- Whether the error of the last run comes again with each run until a person has done something.
ALTER TABLE flow ADD COLUMN last_error_lasts boolean NOT NULL DEFAULT false;
