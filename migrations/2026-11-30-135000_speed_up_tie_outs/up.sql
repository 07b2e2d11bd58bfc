-- Records that both sides have and whose values are not written in the same way: they are compared page by page.
ALTER TABLE tie_out_row ADD COLUMN differs boolean NOT NULL DEFAULT false;
CREATE INDEX tie_out_row_differs ON tie_out_row (tie_out_id, company, entity, block, document_key, record_key) WHERE differs;
