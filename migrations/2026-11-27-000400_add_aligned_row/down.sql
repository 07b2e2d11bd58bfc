DROP INDEX record_sys_id;
DROP TABLE aligned_row;
