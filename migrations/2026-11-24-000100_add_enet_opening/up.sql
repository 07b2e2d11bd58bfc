-- a logon is on its way, or its answer was lost: a session may stand open whose id nobody knows
ALTER TABLE enet_session ADD COLUMN opening boolean NOT NULL DEFAULT false;
