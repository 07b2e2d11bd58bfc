-- How the records of a flow are mapped, each way once, numbered by flow. A record that was mapped in another way than the one in force may say
-- something else than it would now.
CREATE TABLE mapping (
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    -- SHA-256 of what decides the mapping; empty: whatever was in force before the ledger kept it
    hash text NOT NULL,
    -- the columns that are read, as a list; null: not known
    columns jsonb,
    -- block to the tables that its records go to, and how they are written there
    places jsonb NOT NULL,
    known_since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company, entity, number),
    UNIQUE (company, entity, hash)
);

-- Which mapping of a flow belongs to a set of definitions. A flow without one is compared as a list at every run.
CREATE TABLE definition_mapping (
    definition integer NOT NULL REFERENCES definition (number),
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    PRIMARY KEY (definition, company, entity)
);

-- How a document's records were last mapped, and how its content was last read. 0: before the ledger kept it.
ALTER TABLE document ADD COLUMN mapping integer NOT NULL DEFAULT 0, ADD COLUMN reading integer NOT NULL DEFAULT 0;

-- How many documents of a flow were last mapped in each way: whoever asks does not read them all.
CREATE TABLE mapping_count (
    company text NOT NULL,
    entity text NOT NULL,
    number integer NOT NULL,
    documents bigint NOT NULL,
    PRIMARY KEY (company, entity, number)
);

INSERT INTO mapping (company, entity, number, hash, places) SELECT company, entity, 0, '', '{}' FROM document_count;
-- what only stands for a row that cannot be read is no record
INSERT INTO mapping_count (company, entity, number, documents)
SELECT c.company, c.entity, 0,
       c.documents - (SELECT count(*) FROM document d WHERE d.company = c.company AND d.entity = c.entity
                      AND d.key >= '(' AND d.key < ')' AND (d.key LIKE '(row %' OR d.key LIKE '(first row%'))
FROM document_count c;

-- Mappings under which the records of a block went to other tables than they do now: such a record does not stand where a reference to it would look.
CREATE VIEW moved_mapping AS
SELECT m.company, m.entity, m.number, b.block
FROM definition_in_force f
JOIN definition_mapping c ON c.definition = f.number
JOIN mapping n ON n.company = c.company AND n.entity = c.entity AND n.number = c.number
JOIN mapping m ON m.company = c.company AND m.entity = c.entity AND m.hash <> ''
CROSS JOIN LATERAL jsonb_object_keys(m.places) AS b (block)
WHERE m.places -> b.block -> 0 IS DISTINCT FROM n.places -> b.block -> 0;
