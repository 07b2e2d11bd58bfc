-- What earlier tie-outs read is read again: a rewrite of it would only make an upgrade wait.
TRUNCATE tie_out_row, tie_out_found, tie_out_listing;

-- Records that both sides have and whose values are not written in the same way: they are compared page by page.
ALTER TABLE tie_out_row ADD COLUMN differs boolean NOT NULL DEFAULT false;
CREATE INDEX tie_out_row_differs ON tie_out_row (tie_out_id, company, entity, block, document_key, record_key) WHERE differs;

-- What a tie-out read can be read again, so it needs no write-ahead log. After a crash of the server all three tables are empty: then no
-- table counts as listed, and the next tie-out lists it again.
ALTER TABLE tie_out_row SET UNLOGGED;
ALTER TABLE tie_out_found SET UNLOGGED;
ALTER TABLE tie_out_listing SET UNLOGGED;
