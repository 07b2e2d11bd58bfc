-- A person said that ServiceNow is right as it is: what arrived up to this row of the audit is no evidence any more that it went back.
ALTER TABLE flow ADD COLUMN accepted_audit bigint;
