-- How many records of a flow were last mapped in each way is counted by the database, as the documents themselves are: nodes of the release
-- before insert documents and know nothing of mappings, and a person may delete some.
SET LOCAL statement_timeout = 0;

-- Whether a document stands for a row that cannot be read: it is a failure and no record. As `DocumentKey::stands_for_a_row` says it.
CREATE FUNCTION stands_for_a_row(key text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT key LIKE '(row %)' OR key LIKE '(first row%)'
$$;

-- Counts of mappings come before those of flows, and each in one order: two writers of one flow wait for one another, and not each for the other.
CREATE OR REPLACE FUNCTION document_count_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mapping_count AS c (company, entity, number, documents)
    SELECT company, entity, mapping, count(*) FROM inserted WHERE NOT stands_for_a_row(key) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (company, entity, number) DO UPDATE SET documents = c.documents + excluded.documents;
    INSERT INTO document_count AS c (company, entity, documents)
    SELECT company, entity, count(*) FROM inserted GROUP BY company, entity ORDER BY company, entity
    ON CONFLICT (company, entity) DO UPDATE SET documents = c.documents + excluded.documents;
    RETURN NULL;
END $$;

CREATE FUNCTION document_count_remove() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mapping_count AS c (company, entity, number, documents)
    SELECT company, entity, mapping, -count(*) FROM deleted WHERE NOT stands_for_a_row(key) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (company, entity, number) DO UPDATE SET documents = c.documents + excluded.documents;
    INSERT INTO document_count AS c (company, entity, documents)
    SELECT company, entity, -count(*) FROM deleted GROUP BY company, entity ORDER BY company, entity
    ON CONFLICT (company, entity) DO UPDATE SET documents = c.documents + excluded.documents;
    RETURN NULL;
END $$;

-- most updates leave the mapping as it is, and then no count is touched
CREATE FUNCTION mapping_count_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mapping_count AS c (company, entity, number, documents)
    SELECT company, entity, mapping, sum(by)
    FROM (SELECT company, entity, mapping, 1 AS by FROM after_it WHERE NOT stands_for_a_row(key)
          UNION ALL
          SELECT company, entity, mapping, -1 FROM before_it WHERE NOT stands_for_a_row(key)) moved
    GROUP BY 1, 2, 3
    HAVING sum(by) <> 0
    ORDER BY 1, 2, 3
    ON CONFLICT (company, entity, number) DO UPDATE SET documents = c.documents + excluded.documents;
    RETURN NULL;
END $$;

-- before they are counted: it keeps others from writing documents until this has been committed
CREATE TRIGGER document_moved AFTER UPDATE ON document
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION mapping_count_move();
CREATE TRIGGER document_uncounted AFTER DELETE ON document
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION document_count_remove();

DELETE FROM mapping_count;
INSERT INTO mapping_count (company, entity, number, documents)
SELECT company, entity, mapping, count(*) FROM document WHERE NOT stands_for_a_row(key) GROUP BY 1, 2, 3;
