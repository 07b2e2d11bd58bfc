DROP INDEX hold_locked;
ALTER TABLE hold DROP COLUMN locked_period;
DROP TABLE close_change;
DROP TABLE close_reason;
DROP TABLE close_step;
DROP TABLE close_period;
ALTER TABLE document DROP COLUMN fiscal_periods;
