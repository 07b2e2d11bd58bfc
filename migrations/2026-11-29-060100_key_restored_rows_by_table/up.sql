-- A row is identified by its table and sys_id. The value of its key column may be too long for a b-tree index; a hash index stores only a
-- hash.
ALTER TABLE restored_row DROP CONSTRAINT restored_row_pkey;
ALTER TABLE restored_row ADD PRIMARY KEY (life, company, entity, block, target_table, sys_id);
CREATE INDEX restored_row_source_key ON restored_row USING hash (source_key);
