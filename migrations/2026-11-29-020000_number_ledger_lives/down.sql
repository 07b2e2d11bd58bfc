ALTER TABLE notice_position DROP COLUMN life;
ALTER TABLE audit_seal DROP COLUMN mark, DROP COLUMN life;
ALTER TABLE audit DROP COLUMN life;
DROP TABLE ledger_life;
