-- The newest tie-out of a block, without a look at all that there ever were.
CREATE INDEX tie_out_block_newest ON tie_out_block (company, entity, block, tie_out_id);
