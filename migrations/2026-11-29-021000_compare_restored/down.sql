ALTER TABLE flow DROP COLUMN whole_next;
DROP TABLE restored_row;
DROP TABLE restored_part;
