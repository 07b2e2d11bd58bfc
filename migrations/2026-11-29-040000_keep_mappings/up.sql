-- The mappings of a flow's records, each stored once and numbered by flow. A record with another mapping than the one in force may have
-- another content than it would have now.
CREATE TABLE mapping (
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    -- SHA-256 of all that decides the mapping; empty: the mapping that was in force before the ledger kept them
    hash text NOT NULL,
    -- the columns that are read, as a list; null: not known
    columns jsonb,
    -- for each block, the tables of its records and how they are written
    places jsonb NOT NULL,
    known_since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company, entity, number),
    UNIQUE (company, entity, hash)
);

-- The mapping of a flow in a set of definitions. A flow without one is compared as a list at every run.
CREATE TABLE definition_mapping (
    definition integer NOT NULL REFERENCES definition (number),
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    PRIMARY KEY (definition, company, entity)
);

-- The mapping of a document's records, and of the read of its content. 0: before the ledger kept it.
ALTER TABLE document ADD COLUMN mapping integer NOT NULL DEFAULT 0, ADD COLUMN reading integer NOT NULL DEFAULT 0;

-- The number of documents of a flow by mapping, so that a query need not read them all.
CREATE TABLE mapping_count (
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    documents bigint NOT NULL,
    PRIMARY KEY (company, entity, number)
);

INSERT INTO mapping (company, entity, number, hash, places) SELECT company, entity, 0, '', '{}' FROM document_count;
-- a placeholder for a row that cannot be read is not a record
INSERT INTO mapping_count (company, entity, number, documents)
SELECT c.company, c.entity, 0,
       c.documents - (SELECT count(*) FROM document d WHERE d.company = c.company AND d.entity = c.entity
                      AND d.key >= '(' AND d.key < ')' AND (d.key LIKE '(row %' OR d.key LIKE '(first row%'))
FROM document_count c;

-- Mappings under which the records of a block went to other tables than the current ones: a reference to such a record does not find it.
CREATE VIEW moved_mapping AS
SELECT m.company, m.entity, m.number, b.block
FROM definition_in_force f
JOIN definition_mapping c ON c.definition = f.number
JOIN mapping n ON n.company = c.company AND n.entity = c.entity AND n.number = c.number
JOIN mapping m ON m.company = c.company AND m.entity = c.entity AND m.hash <> ''
CROSS JOIN LATERAL jsonb_object_keys(m.places) AS b (block)
WHERE m.places -> b.block -> 0 IS DISTINCT FROM n.places -> b.block -> 0;
