-- The plan must not depend on what the server believes of the tables: they were empty at its last ANALYZE, or hold a hundred times more by
-- now. These statements start from arrays of keys, or from one index in its order; what else the planner may think of is switched off.
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_sort = off;
-- the costs that stand for "off" suggest a statement worth compiling, or worth several processes
SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 0;
-- a prepared statement is planned once for each connection, and not with the parameters of each execution
SET LOCAL plan_cache_mode = force_generic_plan
