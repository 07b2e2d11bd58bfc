ALTER TABLE approval DROP COLUMN used_until, DROP COLUMN execution, DROP COLUMN scope;
