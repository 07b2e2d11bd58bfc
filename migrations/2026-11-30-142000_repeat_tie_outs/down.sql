ALTER TABLE tie_out_block DROP COLUMN read_at;
DROP TABLE tie_out_answer, tie_out_read;
