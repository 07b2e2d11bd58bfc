-- When an administrator freed the name of a person whose account at the provider no longer exists: another account may have it since.
ALTER TABLE person ADD COLUMN freed_at timestamptz;
DROP INDEX person_name;
CREATE UNIQUE INDEX person_name ON person (issuer, lower(name)) WHERE freed_at IS NULL;
