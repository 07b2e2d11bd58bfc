-- People who sign in to the console through the OpenID provider of their site. The provider's address and its own name for the person stay
-- the same for ever, and so does the name that people read, from the first sign-in on. No two people of one provider have the same one.
CREATE TABLE person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer text NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    -- of the last sign-in
    role text NOT NULL,
    first_signed_in_at timestamptz NOT NULL DEFAULT now(),
    last_signed_in_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, subject)
);
CREATE UNIQUE INDEX person_name ON person (issuer, lower(name));

-- The person to whom a key belongs; null: the key's name is the name of its person.
ALTER TABLE api_key ADD COLUMN person text;

-- A session belongs to a key, whose role it has, or to a person, with the role that the provider gave at the sign-in.
ALTER TABLE console_session
    ALTER COLUMN api_key_id DROP NOT NULL,
    ADD COLUMN person_id bigint REFERENCES person (id) ON DELETE CASCADE,
    ADD COLUMN role text,
    ADD CONSTRAINT console_session_owner CHECK ((api_key_id IS NULL) = (person_id IS NOT NULL) AND (person_id IS NULL) = (role IS NULL));
CREATE INDEX console_session_person ON console_session (person_id) WHERE person_id IS NOT NULL;

-- Attempts to sign in through the provider that have come back, by the SHA-256 of the browser's cookie: each counts once. An attempt ends
-- after ten minutes, so older rows go.
CREATE TABLE sign_in_attempt (
    token_hash bytea PRIMARY KEY,
    used_at timestamptz NOT NULL DEFAULT now()
);
