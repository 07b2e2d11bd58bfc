-- The number of rows of a flow's tables at its last whole read; and whether a person accepts that one has fewer.
ALTER TABLE flow ADD COLUMN sizes jsonb;
