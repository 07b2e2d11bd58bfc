DROP INDEX close_step_newest;
