DROP TRIGGER audit_seal_of_this_release ON audit_seal;
DROP FUNCTION audit_seal_of_this_release();
ALTER TABLE audit_day DROP COLUMN former_signature;
ALTER TABLE audit_key DROP COLUMN first_day, DROP COLUMN last_day;
