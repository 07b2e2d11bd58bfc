-- The days that a key may sign: not before `first_day`, and not after `last_day`; null: no such limit. They are set when another key signs its
-- first day, which both keys sign where the former one is at hand.
ALTER TABLE audit_key ADD COLUMN first_day date, ADD COLUMN last_day date;
-- The signature of the former key, on the first day of another one.
ALTER TABLE audit_day ADD COLUMN former_signature text;

-- A node of an earlier release writes seals without leaves. It stays able to work, and its log must say why it cannot seal.
CREATE FUNCTION audit_seal_of_this_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.first_leaf IS NULL AND NEW.removed_at IS NULL THEN
        RAISE EXCEPTION 'this node runs an earlier release of Tieline than the one that brought the ledger up to date, and cannot seal the audit: stop it and start it with the release of the other nodes, which seal the audit meanwhile';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_seal_of_this_release BEFORE INSERT ON audit_seal FOR EACH ROW EXECUTE FUNCTION audit_seal_of_this_release();
