DROP INDEX tie_out_scheduled;
ALTER TABLE tie_out
    DROP COLUMN open_items,
    DROP COLUMN result,
    DROP COLUMN scheduled_for;
