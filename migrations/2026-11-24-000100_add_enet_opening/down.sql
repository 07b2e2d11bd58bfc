ALTER TABLE enet_session DROP COLUMN opening;
