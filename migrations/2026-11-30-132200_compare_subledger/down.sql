DROP TABLE tie_out_subledger_entry;
DROP TABLE tie_out_subledger;
