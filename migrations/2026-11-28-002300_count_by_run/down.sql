ALTER TABLE run
    ADD COLUMN parked bigint NOT NULL DEFAULT 0,
    DROP COLUMN records,
    DROP COLUMN delivered,
    DROP COLUMN replaced,
    DROP COLUMN parts,
    DROP COLUMN parts_replaced;
DROP FUNCTION pending_rank(text, text, text);
DROP INDEX pending_run;
ALTER TABLE pending DROP COLUMN run_id;
ALTER TABLE delivery DROP COLUMN run_id;
