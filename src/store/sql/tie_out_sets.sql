-- Records that only one side has, that ServiceNow has more than once, and that cannot be mapped. It also marks the records that both sides
-- have with values that are not written in the same way. `$5`: only these documents; `$6`, `$7`: only this fiscal year and period.
WITH both_sides AS MATERIALIZED (
    SELECT e.document_key AS own_key, f.document_key AS found_key, coalesce(e.document_key, f.document_key) AS document_key,
           coalesce(e.record_key, f.record_key) AS record_key, CASE WHEN e.document_key IS NULL THEN f.year ELSE e.year END AS year,
           CASE WHEN e.document_key IS NULL THEN f.period ELSE e.period END AS period,
           CASE WHEN e.document_key IS NULL THEN f.currency ELSE e.currency END AS currency,
           CASE WHEN e.document_key IS NULL THEN f.amount ELSE -e.amount END AS amount,
           f.sys_id, f.target_table, f.updated_by, f.updated_at, e.document_hash
    FROM (
        SELECT document_key, record_key, year, period, currency, amount, fields, document_hash FROM tie_out_row
        WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND side IN ('syspro', 'gone') AND unmapped IS NULL
          AND ($5 IS NULL OR document_key = ANY($5))) e
    FULL JOIN (
        SELECT document_key, record_key, year, period, currency, amount, fields, sys_id, target_table, updated_by, updated_at FROM tie_out_found
        WHERE company = $2 AND entity = $3 AND block = $4 AND nth = 1 AND ($5 IS NULL OR document_key = ANY($5))) f
      ON f.document_key = e.document_key AND f.record_key = e.record_key
    WHERE e.document_key IS NULL OR f.document_key IS NULL OR e.fields <> f.fields
), marked AS (
    UPDATE tie_out_row r SET differs = true
    FROM both_sides b
    WHERE b.own_key IS NOT NULL AND b.found_key IS NOT NULL AND r.tie_out_id = $1 AND r.company = $2 AND r.entity = $3 AND r.block = $4
      AND r.document_key = b.document_key AND r.record_key = b.record_key AND r.side IN ('syspro', 'gone') AND r.unmapped IS NULL
), item AS (
    SELECT e.document_key, e.record_key, e.year, e.period, e.currency, NULL::numeric AS amount, 'unmapped' AS kind, NULL::text AS sys_id,
           NULL::text AS target_table, NULL::text AS updated_by, NULL::text AS updated_at, e.document_hash, e.unmapped AS message
    FROM tie_out_row e
    WHERE e.tie_out_id = $1 AND e.company = $2 AND e.entity = $3 AND e.block = $4 AND e.side IN ('syspro', 'gone')
      AND ($5 IS NULL OR e.document_key = ANY($5)) AND e.unmapped IS NOT NULL
    UNION ALL
    SELECT b.document_key, b.record_key, b.year, b.period, b.currency, b.amount, 'missing', NULL, NULL, NULL, NULL, b.document_hash, NULL
    FROM both_sides b WHERE b.found_key IS NULL
    UNION ALL
    -- what ServiceNow has of a document that cannot be mapped belongs to that document
    SELECT b.document_key, b.record_key, b.year, b.period, b.currency, b.amount, CASE WHEN u.there IS NULL THEN 'extra' ELSE 'unmapped' END,
           b.sys_id, b.target_table, b.updated_by, b.updated_at, NULL, NULL
    FROM both_sides b
    LEFT JOIN LATERAL (
        -- the blocks are named so that the index finds the document
        SELECT true AS there FROM tie_out_row u
        WHERE u.tie_out_id = $1 AND u.company = $2 AND u.entity = $3
          AND u.block = ANY(ARRAY(SELECT t.block FROM tie_out_block t WHERE t.tie_out_id = $1 AND t.company = $2 AND t.entity = $3))
          AND u.document_key = b.document_key AND u.unmapped IS NOT NULL
        LIMIT 1) u ON true
    WHERE b.own_key IS NULL
    UNION ALL
    SELECT f.document_key, f.record_key, CASE WHEN e.document_key IS NULL THEN f.year ELSE e.year END,
           CASE WHEN e.document_key IS NULL THEN f.period ELSE e.period END, coalesce(nullif(f.currency, ''), e.currency, ''), f.amount, 'twice',
           f.sys_id, f.target_table, f.updated_by, f.updated_at, e.document_hash, NULL
    FROM tie_out_found f
    LEFT JOIN LATERAL (
        SELECT e.document_key, e.year, e.period, e.currency, e.document_hash FROM tie_out_row e
        WHERE e.tie_out_id = $1 AND e.company = $2 AND e.entity = $3 AND e.block = $4 AND e.document_key = f.document_key
          AND e.record_key = f.record_key AND e.side IN ('syspro', 'gone') AND e.unmapped IS NULL
        OFFSET 0) e ON true
    WHERE f.company = $2 AND f.entity = $3 AND f.block = $4 AND ($5 IS NULL OR f.document_key = ANY($5)) AND f.nth > 1
)
INSERT INTO tie_out_item (tie_out_id, company, entity, block, document_key, record_key, year, period, currency, amount, kind, sys_id, target_table,
                          updated_by, updated_at, document_hash, message)
SELECT $1, $2, $3, $4, i.* FROM item i
-- a document that cannot be mapped may belong to any period
WHERE $6 IS NULL OR (i.year = $6 AND i.period = $7) OR (i.kind = 'unmapped' AND i.year IS NULL)
