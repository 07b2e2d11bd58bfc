-- The database counts the records of a flow by mapping, as it counts documents: nodes of the previous release insert documents without a
-- mapping, and a person may delete some.
SET LOCAL statement_timeout = 0;

-- Whether a document is a placeholder for a row that cannot be read: a failure, and not a record. The same rule as
-- `DocumentKey::stands_for_a_row`.
CREATE FUNCTION stands_for_a_row(key text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT key LIKE '(row %)' OR key LIKE '(first row%)'
$$;

-- Counts of mappings are locked before counts of flows, and each kind in one order: two writers of one flow cannot deadlock.
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

-- most updates do not change the mapping, and then no count changes
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

-- locks before the count: nobody can write documents until this has been committed
CREATE TRIGGER document_moved AFTER UPDATE ON document
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION mapping_count_move();
CREATE TRIGGER document_uncounted AFTER DELETE ON document
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION document_count_remove();

DELETE FROM mapping_count;
INSERT INTO mapping_count (company, entity, number, documents)
SELECT company, entity, mapping, count(*) FROM document WHERE NOT stands_for_a_row(key) GROUP BY 1, 2, 3;
