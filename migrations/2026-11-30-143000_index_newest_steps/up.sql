-- The list of closes shows the newest step of each kind of each period, and must not read all steps for that.
CREATE INDEX close_step_newest ON close_step (company, number, step, id);
