-- A person said that ServiceNow is correct: deliveries up to this audit row no longer show that it was set back.
ALTER TABLE flow ADD COLUMN accepted_audit bigint;
