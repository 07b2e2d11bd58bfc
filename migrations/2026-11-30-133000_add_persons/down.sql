DROP TABLE sign_in_attempt;
DELETE FROM console_session WHERE api_key_id IS NULL;
ALTER TABLE console_session
    DROP CONSTRAINT console_session_owner,
    DROP COLUMN role,
    DROP COLUMN person_id,
    ALTER COLUMN api_key_id SET NOT NULL;
ALTER TABLE api_key DROP COLUMN person;
DROP TABLE person;
