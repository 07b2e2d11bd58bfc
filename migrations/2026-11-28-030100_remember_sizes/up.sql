-- How many rows the tables of a flow had at its last whole read; whether a person accepts that one has fewer.
ALTER TABLE flow ADD COLUMN sizes jsonb;
