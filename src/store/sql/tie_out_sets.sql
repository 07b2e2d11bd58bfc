-- Records that only one side has, that ServiceNow has more than once, and that cannot be mapped. `$5`: only these documents; `$6`, `$7`: only
-- this fiscal year and period.
WITH expected AS (
    SELECT * FROM tie_out_row
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND side IN ('syspro', 'gone') AND ($5 IS NULL OR document_key = ANY($5))
), found AS (
    SELECT * FROM tie_out_found WHERE company = $2 AND entity = $3 AND block = $4 AND ($5 IS NULL OR document_key = ANY($5))
), unmapped AS (
    SELECT document_key FROM tie_out_row
    -- the blocks are named so that the index finds the documents
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3
      AND block = ANY(ARRAY(SELECT b.block FROM tie_out_block b WHERE b.tie_out_id = $1 AND b.company = $2 AND b.entity = $3))
      AND ($5 IS NULL OR document_key = ANY($5)) AND unmapped IS NOT NULL
), item AS (
    SELECT e.document_key, e.record_key, e.year, e.period, e.currency, NULL::numeric AS amount, 'unmapped' AS kind, NULL::text AS sys_id,
           NULL::text AS target_table, NULL::text AS updated_by, NULL::text AS updated_at, e.document_hash, e.unmapped AS message
    FROM expected e WHERE e.unmapped IS NOT NULL
    UNION ALL
    SELECT e.document_key, e.record_key, e.year, e.period, e.currency, -e.amount, 'missing', NULL, NULL, NULL, NULL, e.document_hash, NULL
    FROM expected e LEFT JOIN found f ON f.document_key = e.document_key AND f.record_key = e.record_key AND f.nth = 1
    WHERE f.document_key IS NULL AND e.unmapped IS NULL
    UNION ALL
    -- what ServiceNow has of a document that cannot be mapped belongs to that document
    SELECT f.document_key, f.record_key, f.year, f.period, f.currency, f.amount, CASE WHEN u.document_key IS NULL THEN 'extra' ELSE 'unmapped' END,
           f.sys_id, f.target_table, f.updated_by, f.updated_at, NULL, NULL
    FROM found f
    LEFT JOIN expected e ON e.document_key = f.document_key AND e.record_key = f.record_key AND e.unmapped IS NULL
    LEFT JOIN (SELECT DISTINCT document_key FROM unmapped) u ON u.document_key = f.document_key
    WHERE e.document_key IS NULL AND f.nth = 1
    UNION ALL
    SELECT f.document_key, f.record_key, CASE WHEN e.document_key IS NULL THEN f.year ELSE e.year END,
           CASE WHEN e.document_key IS NULL THEN f.period ELSE e.period END, coalesce(nullif(f.currency, ''), e.currency, ''), f.amount, 'twice',
           f.sys_id, f.target_table, f.updated_by, f.updated_at, e.document_hash, NULL
    FROM found f
    LEFT JOIN expected e ON e.document_key = f.document_key AND e.record_key = f.record_key AND e.unmapped IS NULL
    WHERE f.nth > 1
)
INSERT INTO tie_out_item (tie_out_id, company, entity, block, document_key, record_key, year, period, currency, amount, kind, sys_id, target_table,
                          updated_by, updated_at, document_hash, message)
SELECT $1, $2, $3, $4, i.* FROM item i
-- a document that cannot be mapped may belong to any period
WHERE $6 IS NULL OR (i.year = $6 AND i.period = $7) OR (i.kind = 'unmapped' AND i.year IS NULL)
