-- Work that is queued for the first time is one row for each block of a document, and not one row for each record. A claim deletes the
-- row, and its batch (`intent`) has it until the outcomes are stored. A record gets a row of `pending` when it needs care of its own: it
-- failed, waits, is on hold, has an unknown outcome, or is sent again.
SET LOCAL statement_timeout = 0;
CREATE TABLE outbox (
    document_id bigint NOT NULL,
    -- the first of its deliveries: rows are sent in this order
    id bigint NOT NULL,
    company text NOT NULL,
    entity text NOT NULL,
    block text NOT NULL,
    version integer NOT NULL,
    -- false: these lines follow their header
    ready boolean NOT NULL,
    -- false: the document was new, so that nothing of it is in ServiceNow
    known boolean NOT NULL,
    run_id uuid NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    -- at most as many as `store/outbox.rs` says; all of one version
    deliveries bigint[] NOT NULL CHECK (cardinality(deliveries) > 0),
    PRIMARY KEY (document_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000, vacuum_truncate = off);
CREATE INDEX outbox_queue ON outbox (entity, block, company, id) WHERE ready;

-- What a batch took from the outbox, and the document of each. Its other deliveries have rows in `pending`.
ALTER TABLE intent
    ADD COLUMN taken bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN documents bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE intent ALTER COLUMN taken SET STORAGE MAIN, ALTER COLUMN taken SET COMPRESSION lz4,
    ALTER COLUMN documents SET STORAGE MAIN, ALTER COLUMN documents SET COMPRESSION lz4;

-- Every delivery that is not confirmed: the rows of `pending`, the outbox, and what batches took from it.
CREATE VIEW undelivered AS
SELECT p.delivery_id, p.document_id, p.company, p.entity, p.version, p.block, p.record_key, p.own_state, p.state, p.reason, p.message, p.field,
       p.next_step, p.attempts, p.not_before, p.since, p.sent_at, p.batch_id, p.run_id, p.first_failed_at, p.queued_at
FROM pending p
UNION ALL
SELECT u.delivery_id, o.document_id, o.company, o.entity, o.version, o.block, l.record_key,
       CASE WHEN o.ready THEN 'queued' ELSE 'after_header' END, CASE WHEN o.ready THEN 'queued' ELSE 'after_header' END, NULL, NULL, NULL,
       NULL, 0, o.queued_at, o.queued_at, NULL, NULL, o.run_id, NULL, o.queued_at
FROM outbox o
CROSS JOIN LATERAL unnest(o.deliveries) AS u (delivery_id)
LEFT JOIN delivery l ON l.id = u.delivery_id
UNION ALL
SELECT u.delivery_id, u.document_id, d.company, i.entity, l.version, i.block, l.record_key, 'queued', 'sending', NULL, NULL, NULL,
       NULL, 1, i.claimed_at, i.claimed_at, i.claimed_at, i.batch_id, l.run_id, NULL, l.created_at
FROM intent i
CROSS JOIN LATERAL unnest(i.taken, i.documents) AS u (delivery_id, document_id)
LEFT JOIN delivery l ON l.id = u.delivery_id
LEFT JOIN document d ON d.id = u.document_id;

-- What transactions add to the counts of runs. A row of `run` would make each of them wait for the commit of the one before; these rows
-- are added to it later.
CREATE TABLE run_count (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    read bigint NOT NULL DEFAULT 0,
    new bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    deleted bigint NOT NULL DEFAULT 0,
    records bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    replaced bigint NOT NULL DEFAULT 0,
    parts bigint NOT NULL DEFAULT 0,
    sent bigint NOT NULL DEFAULT 0,
    confirmed bigint NOT NULL DEFAULT 0,
    parts_replaced bigint NOT NULL DEFAULT 0
);
CREATE INDEX run_count_run ON run_count (run_id);

-- Runs with all of their counts.
CREATE VIEW run_total AS
SELECT r.id, r.company, r.entity, r.kind, r.requested_by, r.reason, r.started_at, r.ended_at, r.outcome, r.error,
       r.read + c.read AS read, r.new + c.new AS new, r.changed + c.changed AS changed, r.unchanged + c.unchanged AS unchanged,
       r.deleted + c.deleted AS deleted, r.sent + c.sent AS sent, r.confirmed + c.confirmed AS confirmed, r.records + c.records AS records,
       r.delivered + c.delivered AS delivered, r.replaced + c.replaced AS replaced, r.parts + c.parts AS parts,
       r.parts_replaced + c.parts_replaced AS parts_replaced, r.definition
FROM run r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.read), 0)::bigint AS read, coalesce(sum(c.new), 0)::bigint AS new, coalesce(sum(c.changed), 0)::bigint AS changed,
           coalesce(sum(c.unchanged), 0)::bigint AS unchanged, coalesce(sum(c.deleted), 0)::bigint AS deleted,
           coalesce(sum(c.sent), 0)::bigint AS sent, coalesce(sum(c.confirmed), 0)::bigint AS confirmed,
           coalesce(sum(c.records), 0)::bigint AS records, coalesce(sum(c.delivered), 0)::bigint AS delivered,
           coalesce(sum(c.replaced), 0)::bigint AS replaced, coalesce(sum(c.parts), 0)::bigint AS parts,
           coalesce(sum(c.parts_replaced), 0)::bigint AS parts_replaced
    FROM run_count c WHERE c.run_id = r.id
) c;

-- Contents and fields of more than 2 KB: lz4 takes a fraction of the time.
ALTER TABLE version ALTER COLUMN content SET COMPRESSION lz4;
ALTER TABLE delivery ALTER COLUMN payload SET COMPRESSION lz4;
