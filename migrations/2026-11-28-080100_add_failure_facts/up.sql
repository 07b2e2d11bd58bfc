-- Shown for a document in lists and sums: its amount, the currency as in SYSPRO, its date. Null: the definition names no column, or the
-- document was last stored before this migration.
ALTER TABLE document ADD COLUMN amount numeric, ADD COLUMN currency text, ADD COLUMN dated date;

-- Since when this record has not arrived, regardless of later attempts: a retry does not change it.
ALTER TABLE pending ADD COLUMN first_failed_at timestamptz;

-- A parent that a whole read of its flow has not returned: since when this is known, and why it will not arrive.
ALTER TABLE awaited_parent ADD COLUMN absent_since timestamptz, ADD COLUMN absent_why text;
