DROP INDEX record_partial;
ALTER TABLE record DROP COLUMN partial;
DROP INDEX record_row;
ALTER TABLE record DROP COLUMN own_row;
