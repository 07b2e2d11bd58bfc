-- The sums that ServiceNow itself computes, against those of the rows that it lists.
ALTER TABLE tie_out_block
    -- groups of currency and fiscal period in which both agree; null: they were not compared
    ADD COLUMN summed_groups integer,
    -- why they were not compared
    ADD COLUMN not_summed text;
ALTER TABLE tie_out_listing
    ADD COLUMN summed_groups integer,
    ADD COLUMN not_summed text;
-- rows that are kept were not checked, so that every table is listed again
DELETE FROM tie_out_listing;
