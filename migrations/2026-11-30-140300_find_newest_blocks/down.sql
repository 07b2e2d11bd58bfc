DROP INDEX tie_out_block_newest;
