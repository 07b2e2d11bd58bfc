DROP TABLE sending_resumed;
ALTER TABLE node DROP COLUMN pause_began;
ALTER TABLE node DROP COLUMN pause_said;
ALTER TABLE node DROP COLUMN pause_asked;
