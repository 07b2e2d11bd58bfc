ALTER TABLE tie_out_listing DROP COLUMN not_summed, DROP COLUMN summed_groups;
ALTER TABLE tie_out_block DROP COLUMN not_summed, DROP COLUMN summed_groups;
