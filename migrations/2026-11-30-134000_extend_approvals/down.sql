DROP TABLE approval_record;
DROP INDEX approval_subject;
UPDATE approval SET state = 'rejected' WHERE state = 'withdrawn';
ALTER TABLE approval
    DROP COLUMN effect,
    DROP COLUMN digest,
    DROP CONSTRAINT approval_state,
    ADD CONSTRAINT approval_state CHECK (state IN ('asked', 'approved', 'rejected', 'used', 'expired'));
