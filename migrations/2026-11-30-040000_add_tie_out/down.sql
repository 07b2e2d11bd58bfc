DROP TABLE tie_out_item, tie_out_bucket, tie_out_row, tie_out_block, tie_out;
