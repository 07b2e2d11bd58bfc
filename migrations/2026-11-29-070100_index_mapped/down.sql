DROP INDEX document_mapped;
