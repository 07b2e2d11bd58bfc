-- The number of documents of a flow, counted on insert, so that a query need not read them all. A trigger counts, because nodes of the
-- previous release insert documents too; it runs once per statement.
CREATE TABLE document_count (
    company text NOT NULL,
    entity text NOT NULL,
    documents bigint NOT NULL,
    PRIMARY KEY (company, entity)
);

CREATE FUNCTION document_count_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO document_count AS c (company, entity, documents)
    SELECT company, entity, count(*) FROM inserted GROUP BY company, entity ORDER BY company, entity
    ON CONFLICT (company, entity) DO UPDATE SET documents = c.documents + excluded.documents;
    RETURN NULL;
END $$;

-- locks before the count: nobody can insert until this has been committed
CREATE TRIGGER document_counted AFTER INSERT ON document
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION document_count_add();

INSERT INTO document_count (company, entity, documents) SELECT company, entity, count(*) FROM document GROUP BY company, entity;
