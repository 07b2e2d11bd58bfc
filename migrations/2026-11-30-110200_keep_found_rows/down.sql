ALTER TABLE tie_out_block DROP COLUMN listed_at;
DROP TABLE tie_out_listing;
DROP TABLE tie_out_found;
