DROP TABLE tie_out_violation;
DROP TABLE tie_out_control;
