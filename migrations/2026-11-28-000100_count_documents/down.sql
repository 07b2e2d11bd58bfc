DROP TRIGGER document_counted ON document;
DROP FUNCTION document_count_add();
DROP TABLE document_count;
