DROP INDEX task_closed;
DROP INDEX tie_out_running;
DROP INDEX tie_out_block_compared;
DROP INDEX tie_out_block_company;
