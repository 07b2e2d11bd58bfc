DROP INDEX conflict_open;
