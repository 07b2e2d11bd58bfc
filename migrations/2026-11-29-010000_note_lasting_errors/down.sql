ALTER TABLE flow DROP COLUMN last_error_lasts;
