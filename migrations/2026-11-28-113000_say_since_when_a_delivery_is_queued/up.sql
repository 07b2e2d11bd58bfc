-- Since when this delivery has been queued, regardless of its attempts: neither a retry nor a look-up changes it. It starts again when the
-- delivery was released, from a hold or from waiting for its parent. For rows from before this migration, the true time is not later than
-- the value set here.
ALTER TABLE pending ADD COLUMN queued_at timestamptz NOT NULL DEFAULT now();
UPDATE pending SET queued_at = least(since, coalesce(sent_at, since)) WHERE state IN ('waiting', 'sending', 'in_doubt');
