-- Finds the documents that a run changed, for people. Versions are appended run by run, so that a block-range index of some kilobytes is
-- enough, and adds no measurable cost to a first load. Not CONCURRENTLY: that would wait for a second node, which waits for this one.
SET LOCAL statement_timeout = 0;
CREATE INDEX version_run ON version USING brin (run_id) WITH (pages_per_range = 32, autosummarize = on);
