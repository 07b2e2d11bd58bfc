-- What runs at every tie-out, every look for tasks and every page of closes must not read all that was before.
-- the newest tie-out of a company, and of a block that was compared
CREATE INDEX tie_out_block_company ON tie_out_block (company, tie_out_id);
CREATE INDEX tie_out_block_compared ON tie_out_block (company, entity, block, tie_out_id)
    WHERE left_out IS NULL AND NOT unread AND unverified IS NULL;
-- a tie-out whose process has died
CREATE INDEX tie_out_running ON tie_out (id) WHERE state = 'running';
-- the newest one that is done
CREATE INDEX tie_out_done ON tie_out (id) WHERE state = 'done';
-- what is not sealed is found by the newest pages of the events: without a summary, every page counts as one of them
ALTER INDEX event_xid SET (autosummarize = on);
-- tasks that something is left to do for
CREATE INDEX task_not_closed ON task (state) WHERE state <> 'closed';
-- tasks that are removed after some time
CREATE INDEX task_closed ON task (resolved_at) WHERE state = 'closed';
-- a task that could not be named
CREATE INDEX task_unnamed ON task (state) WHERE sent = '';
