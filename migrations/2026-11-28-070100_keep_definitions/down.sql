ALTER TABLE node DROP COLUMN definition;
ALTER TABLE run DROP COLUMN definition;
DROP TABLE definition_node;
DROP TABLE definition_in_force;
DROP TABLE definition;
