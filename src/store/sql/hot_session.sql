-- The plan must not depend on the server's statistics: the tables were empty at the last ANALYZE, or hold a hundred times more by now.
-- These statements start from arrays of keys, or read one index in its order; other plans are switched off.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_sort = off;
-- the artificial costs of switched-off plans make a statement look worth JIT compilation or parallel workers
SET jit = off;
SET max_parallel_workers_per_gather = 0;
-- a prepared statement is planned once for each connection, and not with the parameters of each execution
SET plan_cache_mode = force_generic_plan
