ALTER TABLE pending DROP COLUMN queued_at;
