-- Since when this delivery has been queued, whatever became of its tries: neither a retry nor a look-up moves it. It begins anew where it was
-- released, from a hold or from waiting for its parent. What stands here already began no later than this.
ALTER TABLE pending ADD COLUMN queued_at timestamptz NOT NULL DEFAULT now();
UPDATE pending SET queued_at = least(since, coalesce(sent_at, since)) WHERE state IN ('waiting', 'sending', 'in_doubt');
