ALTER TABLE tie_out_block DROP COLUMN without_period, DROP COLUMN watermark;
ALTER TABLE tie_out
    DROP CONSTRAINT tie_out_whole_period,
    DROP COLUMN fresh,
    DROP COLUMN period,
    DROP COLUMN year,
    DROP COLUMN entities,
    DROP COLUMN companies;
