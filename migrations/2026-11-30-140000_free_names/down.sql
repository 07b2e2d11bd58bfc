DELETE FROM person WHERE freed_at IS NOT NULL;
DROP INDEX person_name;
ALTER TABLE person DROP COLUMN freed_at;
CREATE UNIQUE INDEX person_name ON person (issuer, lower(name));
