-- Adds delivered records of one header each to a ledger, for a benchmark with a large history.
--
-- Copies of one delivered invoice, with the numbers `first` to `last` (variables of psql). Their ids are
-- negative, so they are older than all records that Tieline has read. They have no events: sealing the
-- audit of a history that no run has written would be part of the measured run.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL statement_timeout = 0;
CREATE TEMPORARY TABLE sample ON COMMIT DROP AS
SELECT d AS document, v AS content, l AS sent, r AS arrived
FROM record r
JOIN document d ON d.id = r.document_id
JOIN delivery l ON l.id = r.delivery_id
JOIN version v ON v.document_id = d.id AND v.version = d.version
WHERE d.entity = 'invoice' AND r.block = 'header' AND NOT d.deleted
ORDER BY d.id
LIMIT 1;

INSERT INTO document (id, company, entity, key, version, hash, amount, currency, dated, mapping, reading)
SELECT -n, (document).company, (document).entity, (document).key || '-' || n, 1, (document).hash, (document).amount, (document).currency,
       (document).dated, (document).mapping, (document).reading
FROM sample, generate_series(:first, :last) n;

INSERT INTO version (document_id, version, run_id, hash, content)
SELECT -n, 1, (content).run_id, (content).hash, (content).content
FROM sample, generate_series(:first, :last) n;

INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash, refs, run_id, mapping)
SELECT -n, -n, 1, (sent).block, (sent).record_key, (sent).action, (sent).payload, (sent).payload_hash, (sent).refs, (sent).run_id, (sent).mapping
FROM sample, generate_series(:first, :last) n;

INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id, own_row)
SELECT -n, (arrived).block, (arrived).record_key, md5('bench ' || n), (arrived).target_table, 1, -n, (arrived).own_row
FROM sample, generate_series(:first, :last) n;
COMMIT;
