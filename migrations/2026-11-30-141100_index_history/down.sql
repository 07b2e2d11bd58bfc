DROP INDEX task_unnamed;
DROP INDEX task_closed;
DROP INDEX task_not_closed;
ALTER INDEX event_xid RESET (autosummarize);
DROP INDEX tie_out_done;
DROP INDEX tie_out_running;
DROP INDEX tie_out_block_compared;
DROP INDEX tie_out_block_company;
