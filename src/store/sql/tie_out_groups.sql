-- The sums of a block by fiscal period, currency, and one of supplier, account and document type. `$5`, `$6`: only this fiscal year and
-- period; `$7`: by what; `$8`, `$9`, `$10`: the fields with supplier, account and document type.
WITH expected AS (
    SELECT document_key, record_key, side, year, period, currency, amount, supplier, account, document_type FROM tie_out_row
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND side IN ('syspro', 'gone') AND unmapped IS NULL
), unmapped AS (
    SELECT DISTINCT document_key FROM tie_out_row WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND unmapped IS NOT NULL
), differs AS (
    SELECT DISTINCT document_key, record_key, field FROM tie_out_item
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND kind = 'differs' AND field IN ($8, $9, $10)
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
    LEFT JOIN differs s ON s.document_key = f.document_key AND s.record_key = f.record_key AND s.field = $8
    LEFT JOIN differs a ON a.document_key = f.document_key AND a.record_key = f.record_key AND a.field = $9
    LEFT JOIN differs t ON t.document_key = f.document_key AND t.record_key = f.record_key AND t.field = $10
    WHERE f.company = $2 AND f.entity = $3 AND f.block = $4
), both_sides AS (
    SELECT year, period, currency, supplier, account, document_type,
           count(*) FILTER (WHERE side = 'syspro') AS syspro, sum(amount) FILTER (WHERE side = 'syspro') AS syspro_amount,
           count(*) FILTER (WHERE side = 'gone') AS gone, sum(amount) FILTER (WHERE side = 'gone') AS gone_amount,
           0::bigint AS found, NULL::numeric AS found_amount
    FROM expected WHERE $5 IS NULL OR (year = $5 AND period = $6)
    GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT year, period, currency, supplier, account, document_type, 0, NULL, 0, NULL, count(*), sum(amount)
    FROM placed WHERE $5 IS NULL OR (year = $5 AND period = $6) OR (unmapped AND year IS NULL)
    GROUP BY 1, 2, 3, 4, 5, 6
)
INSERT INTO tie_out_group (tie_out_id, company, entity, block, year, period, currency, grouped_by, value, syspro_records, syspro_amount, gone_records,
                           gone_amount, servicenow_records, servicenow_amount)
SELECT $1, $2, $3, $4, b.year, b.period, b.currency, g.grouped_by, coalesce(g.value, ''), sum(b.syspro)::bigint, sum(b.syspro_amount),
       sum(b.gone)::bigint, sum(b.gone_amount), sum(b.found)::bigint, sum(b.found_amount)
FROM both_sides b
CROSS JOIN LATERAL (VALUES ('supplier', b.supplier), ('account', b.account), ('type', b.document_type)) AS g (grouped_by, value)
WHERE g.grouped_by = ANY($7)
GROUP BY b.year, b.period, b.currency, g.grouped_by, coalesce(g.value, '')
ORDER BY b.year, b.period, b.currency, g.grouped_by, coalesce(g.value, '')
