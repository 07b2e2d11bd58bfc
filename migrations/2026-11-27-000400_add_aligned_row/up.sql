-- ServiceNow's side of a comparison while it is made, so that no node holds a whole list in memory.
-- Emptied at the beginning of the next one. Logged all the same: rows that went with a crash of the server would look deleted.
CREATE TABLE aligned_row (
    company text NOT NULL,
    entity text NOT NULL,
    sys_id text COLLATE "C" NOT NULL,
    -- `sys_updated_on`, by the instance's clock
    updated_at timestamptz,
    -- the columns that could be read, as a JSON object
    fields text NOT NULL,
    -- what its key column says; empty: nothing
    source_key text NOT NULL,
    -- the natural key's columns, joined, where there is no key and none of them is empty
    natural_key text,
    -- the document that it belongs to, as far as that is known
    document_id bigint,
    -- a row without a key that a document of another flow has
    of_other boolean NOT NULL DEFAULT false,
    PRIMARY KEY (company, entity, sys_id)
);
CREATE INDEX aligned_row_key ON aligned_row (company, entity, source_key) WHERE source_key <> '';
CREATE INDEX aligned_row_natural ON aligned_row (company, entity, natural_key) WHERE natural_key IS NOT NULL;
CREATE INDEX aligned_row_document ON aligned_row (document_id) WHERE document_id IS NOT NULL;

-- whose a row is, asked of every row without a key
CREATE INDEX record_sys_id ON record (sys_id);
