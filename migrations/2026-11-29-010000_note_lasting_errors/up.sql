-- Whether every further run fails with the error of the last one until a person acts.
ALTER TABLE flow ADD COLUMN last_error_lasts boolean NOT NULL DEFAULT false;
