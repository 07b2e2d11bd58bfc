ALTER TABLE delivery DROP COLUMN mapping;
DROP TABLE former_record;
