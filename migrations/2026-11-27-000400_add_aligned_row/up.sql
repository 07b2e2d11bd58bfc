-- ServiceNow's list during a comparison, so that no node holds a whole list in memory. Emptied at the start of the next comparison. The
-- table is logged: rows lost in a crash of the server would look deleted.
CREATE TABLE aligned_row (
    company text NOT NULL,
    entity text NOT NULL,
    sys_id text COLLATE "C" NOT NULL,
    -- `sys_updated_on`, by the instance's clock
    updated_at timestamptz,
    -- the columns that could be read, as a JSON object
    fields text NOT NULL,
    -- the value of its key column; may be empty
    source_key text NOT NULL,
    -- the columns of the natural key, joined; only for a row without a key, and only if none of them is empty
    natural_key text,
    -- the document that it belongs to, if known
    document_id bigint,
    -- a row without a key that belongs to a document of another flow
    of_other boolean NOT NULL DEFAULT false,
    PRIMARY KEY (company, entity, sys_id)
);
CREATE INDEX aligned_row_key ON aligned_row (company, entity, source_key) WHERE source_key <> '';
CREATE INDEX aligned_row_natural ON aligned_row (company, entity, natural_key) WHERE natural_key IS NOT NULL;
CREATE INDEX aligned_row_document ON aligned_row (document_id) WHERE document_id IS NOT NULL;

-- finds the owner of a row; used for every row without a key
CREATE INDEX record_sys_id ON record (sys_id);
