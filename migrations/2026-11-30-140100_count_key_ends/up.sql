-- When a key got its present end; null: when it was created.
ALTER TABLE api_key ADD COLUMN end_set_at timestamptz;
