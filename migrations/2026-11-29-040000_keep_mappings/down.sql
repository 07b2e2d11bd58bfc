DROP VIEW moved_mapping;
DROP TABLE mapping_count;
ALTER TABLE document DROP COLUMN mapping, DROP COLUMN reading;
DROP TABLE definition_mapping;
DROP TABLE mapping;
