DROP INDEX conflict_not_closed;
