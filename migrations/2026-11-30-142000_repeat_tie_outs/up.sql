-- What a tie-out asked of SYSPRO, and the digests of the answers. If SYSPRO still answers the same, and neither ServiceNow nor the ledger has
-- changed, the next tie-out takes over what this one found.
CREATE TABLE tie_out_read (
    company text NOT NULL,
    -- the entity; empty: the sub-ledger of the company
    entity text NOT NULL,
    -- the tie-out whose results count
    tie_out_id bigint NOT NULL REFERENCES tie_out ON DELETE CASCADE,
    -- what the results depend on besides the answers: release, definitions, settings, period
    basis text NOT NULL,
    -- a transaction that it does not contain may have changed the ledger after the results
    snapshot text NOT NULL,
    -- the life of the ledger in which `snapshot` counts
    life integer NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now(),
    -- false: the tie-out has not compared all of it
    complete boolean NOT NULL DEFAULT false,
    PRIMARY KEY (company, entity)
);
CREATE INDEX tie_out_read_of ON tie_out_read (tie_out_id);

-- One request and the SHA-256 of its answer.
CREATE TABLE tie_out_answer (
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    address text NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (company, entity, number),
    FOREIGN KEY (company, entity) REFERENCES tie_out_read ON DELETE CASCADE
);
ALTER TABLE tie_out_answer ALTER COLUMN address SET COMPRESSION lz4;

ALTER TABLE tie_out_block
    -- SYSPRO's records were read then, and it has answered the same since
    ADD COLUMN read_at timestamptz;

-- ServiceNow's rows come in the order of their sys_ids: their key grows at its end. They are kept from an earlier tie-out, and listed again.
DELETE FROM tie_out_listing;
DELETE FROM tie_out_found;
ALTER TABLE tie_out_found DROP CONSTRAINT tie_out_found_pkey;
ALTER TABLE tie_out_found ADD PRIMARY KEY (company, entity, block, target_table, sys_id);
CREATE INDEX tie_out_found_record ON tie_out_found (document_key, record_key);
