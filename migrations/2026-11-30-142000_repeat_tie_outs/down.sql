DELETE FROM tie_out_listing;
DELETE FROM tie_out_found;
DROP INDEX tie_out_found_record;
ALTER TABLE tie_out_found DROP CONSTRAINT tie_out_found_pkey;
ALTER TABLE tie_out_found ADD PRIMARY KEY (company, entity, block, document_key, record_key, target_table, sys_id);
ALTER TABLE tie_out_block DROP COLUMN read_at;
DROP TABLE tie_out_answer, tie_out_read;
