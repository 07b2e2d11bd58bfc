-- What runs at every tie-out, every look for tasks and every page of closes must not read all that was before.
-- the newest tie-out of a company, and of a block that was compared
CREATE INDEX tie_out_block_company ON tie_out_block (company, tie_out_id);
CREATE INDEX tie_out_block_compared ON tie_out_block (company, entity, block, tie_out_id)
    WHERE left_out IS NULL AND NOT unread AND unverified IS NULL;
-- a tie-out whose process has died
CREATE INDEX tie_out_running ON tie_out (id) WHERE state = 'running';
-- tasks that are removed after some time
CREATE INDEX task_closed ON task (resolved_at) WHERE state = 'closed';
