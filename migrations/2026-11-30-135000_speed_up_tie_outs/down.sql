ALTER TABLE tie_out_listing SET LOGGED;
ALTER TABLE tie_out_found SET LOGGED;
ALTER TABLE tie_out_row SET LOGGED;
DROP INDEX tie_out_row_differs;
ALTER TABLE tie_out_row DROP COLUMN differs;
