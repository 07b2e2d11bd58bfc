ALTER TABLE conflict DROP COLUMN said;
DROP TABLE way_back;
