-- The sums of a block by fiscal period and currency, and those of them by supplier, account or document type. `$5`: the field with the amount;
-- `$6`, `$7`: only this fiscal year and period; `$8`: by what they are divided; `$9`, `$10`, `$11`: the fields with supplier, account and
-- document type.
WITH expected AS (
    SELECT side, document_key, record_key, year, period, currency, amount, supplier, account, document_type FROM tie_out_row
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND side IN ('syspro', 'gone') AND unmapped IS NULL
), unmapped AS (
    SELECT DISTINCT document_key FROM tie_out_row
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND unmapped IS NOT NULL
      AND block = ANY(ARRAY(SELECT b.block FROM tie_out_block b WHERE b.tie_out_id = $1 AND b.company = $2 AND b.entity = $3))
), differs AS (
    SELECT DISTINCT document_key, record_key, field FROM tie_out_item
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND kind = 'differs' AND field IN ($9, $10, $11)
), placed AS (
    -- a row belongs to the period of its record, and to its group unless it shows another one
    SELECT CASE WHEN e.document_key IS NULL THEN f.year ELSE e.year END AS year,
           CASE WHEN e.document_key IS NULL THEN f.period ELSE e.period END AS period,
           coalesce(nullif(f.currency, ''), e.currency, '') AS currency, f.amount, u.document_key IS NOT NULL AS unmapped,
           CASE WHEN e.document_key IS NULL OR f.nth > 1 OR s.field IS NOT NULL THEN coalesce(f.supplier, e.supplier) ELSE e.supplier END AS supplier,
           CASE WHEN e.document_key IS NULL OR f.nth > 1 OR a.field IS NOT NULL THEN coalesce(f.account, e.account) ELSE e.account END AS account,
           CASE WHEN e.document_key IS NULL OR f.nth > 1 OR t.field IS NOT NULL THEN coalesce(f.document_type, e.document_type)
                ELSE e.document_type END AS document_type
    FROM tie_out_found f
    LEFT JOIN expected e ON e.document_key = f.document_key AND e.record_key = f.record_key
    LEFT JOIN unmapped u ON u.document_key = f.document_key
    LEFT JOIN differs s ON s.document_key = f.document_key AND s.record_key = f.record_key AND s.field = $9
    LEFT JOIN differs a ON a.document_key = f.document_key AND a.record_key = f.record_key AND a.field = $10
    LEFT JOIN differs t ON t.document_key = f.document_key AND t.record_key = f.record_key AND t.field = $11
    WHERE f.company = $2 AND f.entity = $3 AND f.block = $4
), both_sides AS MATERIALIZED (
    SELECT year, period, currency, supplier, account, document_type,
           count(*) FILTER (WHERE side = 'syspro') AS syspro, sum(amount) FILTER (WHERE side = 'syspro') AS syspro_amount,
           count(*) FILTER (WHERE side = 'gone') AS gone, sum(amount) FILTER (WHERE side = 'gone') AS gone_amount,
           0::bigint AS found, NULL::numeric AS found_amount
    FROM expected WHERE $6 IS NULL OR (year = $6 AND period = $7)
    GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    -- a document that cannot be mapped may belong to any period
    SELECT year, period, currency, supplier, account, document_type, 0, NULL, 0, NULL, count(*), sum(amount)
    FROM placed WHERE $6 IS NULL OR (year = $6 AND period = $7) OR (unmapped AND year IS NULL)
    GROUP BY 1, 2, 3, 4, 5, 6
), sums AS (
    SELECT year, period, currency, sum(syspro)::bigint AS syspro, sum(syspro_amount) AS syspro_amount, sum(gone)::bigint AS gone,
           sum(gone_amount) AS gone_amount, sum(found)::bigint AS found, sum(found_amount) AS found_amount
    FROM both_sides GROUP BY 1, 2, 3
), ledger AS (
    SELECT e.year, e.period, e.currency, count(*) AS records, sum(CASE WHEN l.amount ~ '^-?[0-9]+([.][0-9]+)?$' THEN l.amount::numeric END) AS amount
    FROM expected e
    CROSS JOIN LATERAL (SELECT d.id FROM document d WHERE d.company = $2 AND d.entity = $3 AND d.key = e.document_key OFFSET 0) d
    CROSS JOIN LATERAL (
        SELECT r.delivery_id FROM record r WHERE r.document_id = d.id AND r.block = $4 AND r.record_key = e.record_key OFFSET 0) r
    LEFT JOIN LATERAL (SELECT l.payload::json ->> $5 AS amount FROM delivery l WHERE $5 IS NOT NULL AND l.id = r.delivery_id OFFSET 0) l ON true
    WHERE e.side = 'syspro' AND ($6 IS NULL OR (e.year = $6 AND e.period = $7))
    GROUP BY 1, 2, 3
), items AS (
    SELECT year, period, currency, count(*) FILTER (WHERE open) AS open, count(*) FILTER (WHERE NOT open) AS timing, sum(amount) AS amount,
           sum(amount) FILTER (WHERE open) AS open_amount, count(*) FILTER (WHERE open AND kind <> 'differs') AS open_sets
    FROM tie_out_item WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4
    GROUP BY 1, 2, 3
), bucket AS (
    SELECT year, period, currency FROM sums UNION SELECT year, period, currency FROM items
), buckets AS (
    INSERT INTO tie_out_bucket (tie_out_id, company, entity, block, year, period, currency, syspro_records, syspro_amount, ledger_records,
                                ledger_amount, gone_records, gone_amount, servicenow_records, servicenow_amount, open_items, timing_items, explained,
                                verdict)
    SELECT $1, $2, $3, $4, b.year, b.period, b.currency, coalesce(s.syspro, 0), s.syspro_amount, coalesce(g.records, 0), g.amount,
           coalesce(s.gone, 0), s.gone_amount, coalesce(s.found, 0), s.found_amount, coalesce(i.open, 0), coalesce(i.timing, 0), i.amount,
           CASE
               WHEN t.unverified IS NOT NULL THEN 'unverified'
               -- the named differences must add up to the difference of the sums
               WHEN coalesce(s.found_amount, 0) - coalesce(s.syspro_amount, 0) - coalesce(s.gone_amount, 0) <> coalesce(i.amount, 0) THEN 'unverified'
               WHEN coalesce(i.open_amount, 0) <> 0 OR i.open_sets > 0 THEN 'untied'
               WHEN i.open + i.timing > 0 THEN 'balanced'
               ELSE 'tied'
           END
    FROM bucket b
    JOIN tie_out_block t ON t.tie_out_id = $1 AND t.company = $2 AND t.entity = $3 AND t.block = $4
    LEFT JOIN sums s ON (s.year, s.period, s.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
    LEFT JOIN ledger g ON (g.year, g.period, g.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
    LEFT JOIN items i ON (i.year, i.period, i.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
)
INSERT INTO tie_out_group (tie_out_id, company, entity, block, year, period, currency, grouped_by, value, syspro_records, syspro_amount, gone_records,
                           gone_amount, servicenow_records, servicenow_amount)
SELECT $1, $2, $3, $4, b.year, b.period, b.currency, g.grouped_by, coalesce(g.value, ''), sum(b.syspro)::bigint, sum(b.syspro_amount),
       sum(b.gone)::bigint, sum(b.gone_amount), sum(b.found)::bigint, sum(b.found_amount)
FROM both_sides b
CROSS JOIN LATERAL (VALUES ('supplier', b.supplier), ('account', b.account), ('type', b.document_type)) AS g (grouped_by, value)
WHERE g.grouped_by = ANY($8)
GROUP BY b.year, b.period, b.currency, g.grouped_by, coalesce(g.value, '')
ORDER BY b.year, b.period, b.currency, g.grouped_by, coalesce(g.value, '')
