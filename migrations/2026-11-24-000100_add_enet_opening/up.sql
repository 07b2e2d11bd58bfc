-- a logon is in progress, or its answer was lost: a session with an unknown id may be open
ALTER TABLE enet_session ADD COLUMN opening boolean NOT NULL DEFAULT false;
