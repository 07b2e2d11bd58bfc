-- A row is named by its table and sys_id. Its key column may hold more than a row of a b-tree index takes: a hash index keeps a hash alone.
ALTER TABLE restored_row DROP CONSTRAINT restored_row_pkey;
ALTER TABLE restored_row ADD PRIMARY KEY (life, company, entity, block, target_table, sys_id);
CREATE INDEX restored_row_source_key ON restored_row USING hash (source_key);
