ALTER TABLE awaited_parent DROP COLUMN absent_since, DROP COLUMN absent_why;
ALTER TABLE pending DROP COLUMN first_failed_at;
ALTER TABLE document DROP COLUMN amount, DROP COLUMN currency, DROP COLUMN dated;
