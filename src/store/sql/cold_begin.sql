-- A transaction without the settings of `hot_session.sql`: as the server is configured, and planned with the parameters of each execution.
BEGIN;
SET LOCAL enable_seqscan TO DEFAULT;
SET LOCAL enable_bitmapscan TO DEFAULT;
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
SET LOCAL enable_sort TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL max_parallel_workers_per_gather TO DEFAULT;
SET LOCAL plan_cache_mode = force_custom_plan
