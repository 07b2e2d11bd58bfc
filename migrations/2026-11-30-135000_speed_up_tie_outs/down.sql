DROP INDEX tie_out_row_differs;
ALTER TABLE tie_out_row DROP COLUMN differs;
