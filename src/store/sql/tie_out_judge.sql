-- Why each record differs: the first match counts. `$4`: the causes that no person need look at. An item may already name a cause that only
-- the two systems could tell; it counts where nothing before it does.
UPDATE tie_out_item i
SET cause = c.cause, open = CASE WHEN c.cause = 'staged' THEN i.open ELSE NOT c.cause = ANY($4) END, message = coalesce(i.message, c.message),
    first_seen_at = coalesce((
        SELECT min(o.first_seen_at) FROM tie_out_item o
        -- the newest one that compared this record
        WHERE o.tie_out_id = (
            SELECT t.id FROM tie_out t
            WHERE t.id < $1 AND t.state = 'done' AND (t.companies = '{}' OR $2 = ANY(t.companies)) AND (t.entities = '{}' OR $3 = ANY(t.entities))
              AND (t.year IS NULL OR (t.year = i.year AND t.period = i.period))
            ORDER BY t.id DESC LIMIT 1)
          AND o.company = $2 AND o.entity = $3 AND o.block = i.block AND o.document_key = i.document_key AND o.record_key = i.record_key
          AND o.kind = i.kind AND o.field IS NOT DISTINCT FROM i.field), i.first_seen_at)
FROM (
    SELECT i.id,
           CASE
               WHEN i.kind = 'twice' THEN 'twice'
               WHEN d.id IS NULL AND i.kind IN ('missing', 'unmapped') AND i.cause = 'left_out' THEN 'left_out'
               WHEN d.id IS NULL AND i.kind IN ('missing', 'unmapped') THEN 'not_read_yet'
               WHEN d.id IS NULL THEN 'unknown_row'
               WHEN p.state = 'failed' AND p.reason = 'downstream' THEN 'downstream'
               WHEN p.state = 'failed' THEN 'failed'
               WHEN p.state = 'waiting' THEN 'waiting'
               WHEN p.state = 'on_hold' THEN 'on_hold'
               WHEN i.cause = 'staged' THEN 'staged'
               WHEN p.state = 'unknown' THEN 'unknown'
               WHEN p.state IS NOT NULL THEN 'queued'
               WHEN i.cause = 'left_out' THEN 'left_out'
               WHEN i.kind = 'extra' AND r.document_id IS NULL THEN 'unknown_row'
               WHEN i.kind = 'extra' AND i.cause = 'purged' THEN 'purged'
               WHEN i.kind = 'extra' THEN 'gone'
               -- also what is back after it was marked as gone
               WHEN i.document_hash <> d.hash OR d.deleted AND i.document_hash IS NOT NULL THEN 'not_read_yet'
               WHEN i.kind = 'unmapped' THEN 'failed'
               WHEN i.kind = 'missing' AND i.cause = 'hidden' THEN 'hidden'
               WHEN i.kind = 'missing' AND r.sys_id <> '' THEN 'deleted_in_servicenow'
               WHEN i.kind = 'missing' AND r.document_id IS NULL THEN 'outdated'
               WHEN i.cause = 'rounding' THEN 'rounding'
               WHEN i.field = ANY(r.partial) THEN 'partial_write'
               WHEN i.kind = 'differs' AND l.payload::jsonb ->> i.field IS NOT DISTINCT FROM i.syspro_value THEN 'changed_in_servicenow'
               WHEN i.kind = 'differs' THEN 'outdated'
               ELSE 'unexplained'
           END AS cause,
           p.message
    FROM tie_out_item i
    LEFT JOIN LATERAL (SELECT d.id, d.hash, d.deleted FROM document d WHERE d.company = $2 AND d.entity = $3 AND d.key = i.document_key OFFSET 0) d ON true
    LEFT JOIN LATERAL (
        SELECT r.document_id, r.delivery_id, r.sys_id, r.partial FROM record r
        WHERE r.document_id = d.id AND r.block = i.block AND r.record_key = i.record_key OFFSET 0) r ON true
    LEFT JOIN LATERAL (SELECT l.payload FROM delivery l WHERE l.id = r.delivery_id OFFSET 0) l ON true
    LEFT JOIN LATERAL (
        -- of the record itself, or of the header on which it depends: a line that only follows its header has no state of its own
        SELECT p.state, p.reason, p.message FROM undelivered p
        WHERE p.document_id = d.id AND (p.block = i.block AND p.record_key = i.record_key OR p.record_key = '')
        ORDER BY p.block = i.block AND p.record_key = i.record_key AND p.state <> 'after_header' DESC, p.record_key = '' DESC, p.delivery_id DESC
        LIMIT 1) p ON true
    WHERE i.tie_out_id = $1 AND i.company = $2 AND i.entity = $3
) c
WHERE i.id = c.id
