-- What lists and sums show of a document: its amount, the currency as SYSPRO has it, its date. Null: the definition names no column, or the
-- document was last taken in before this migration.
ALTER TABLE document ADD COLUMN amount numeric, ADD COLUMN currency text, ADD COLUMN dated date;

-- Since when this record has not arrived, whatever was tried since: a retry does not move it.
ALTER TABLE pending ADD COLUMN first_failed_at timestamptz;

-- A parent that a whole read of its flow has not shown: since when that is known, and why it will not come.
ALTER TABLE awaited_parent ADD COLUMN absent_since timestamptz, ADD COLUMN absent_why text;
