DROP INDEX restored_row_source_key;
ALTER TABLE restored_row DROP CONSTRAINT restored_row_pkey;
-- the rows to be compared are read from ServiceNow again; these may not fit the former key
DELETE FROM restored_row;
UPDATE restored_part SET state = 'open', after = '', hidden = 0 WHERE state IN ('open', 'done') AND block <> '';
ALTER TABLE restored_row ADD PRIMARY KEY (life, company, entity, block, source_key, sys_id);
