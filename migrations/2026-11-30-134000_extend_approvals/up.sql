ALTER TABLE approval
    -- what will happen, in words
    ADD COLUMN effect text NOT NULL DEFAULT '',
    -- what it concerns, as it was when it was asked for: SHA-256 of the parameters and the records, or the hash of definitions
    ADD COLUMN digest text NOT NULL DEFAULT '',
    DROP CONSTRAINT approval_state,
    ADD CONSTRAINT approval_state CHECK (state IN ('asked', 'approved', 'rejected', 'withdrawn', 'used', 'expired'));
CREATE INDEX approval_subject ON approval (kind, digest);

-- The records that an approval is for, each with its version. They are removed with the time of the request: the digest stays.
CREATE TABLE approval_record (
    approval_id bigint NOT NULL REFERENCES approval ON DELETE CASCADE,
    document_id bigint NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (approval_id, document_id)
);
