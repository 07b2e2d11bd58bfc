-- An unlogged table is emptied when Postgres recovers from a crash. A sweep that continued after that had lost its list, and treated the
-- documents that it had read before as gone.
ALTER TABLE sweep_seen SET LOGGED;
