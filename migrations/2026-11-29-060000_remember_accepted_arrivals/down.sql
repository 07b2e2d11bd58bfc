ALTER TABLE flow DROP COLUMN accepted_audit;
