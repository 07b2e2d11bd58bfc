ALTER TABLE api_key DROP COLUMN end_set_at;
