DROP TRIGGER document_uncounted ON document;
DROP TRIGGER document_moved ON document;
DROP FUNCTION mapping_count_move();
DROP FUNCTION document_count_remove();
CREATE OR REPLACE FUNCTION document_count_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO document_count AS c (company, entity, documents)
    SELECT company, entity, count(*) FROM inserted GROUP BY company, entity ORDER BY company, entity
    ON CONFLICT (company, entity) DO UPDATE SET documents = c.documents + excluded.documents;
    RETURN NULL;
END $$;
DROP FUNCTION stands_for_a_row(text);
