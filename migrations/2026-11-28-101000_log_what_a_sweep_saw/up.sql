-- An unlogged table is emptied when Postgres recovers from a crash. A sweep that went on after that had seen nothing, and took what it had read
-- before for gone.
ALTER TABLE sweep_seen SET LOGGED;
