-- The sums of a block by fiscal period and currency. `$5`: the field with the amount; `$6`, `$7`: only this fiscal year and period.
WITH expected AS (
    SELECT side, document_key, record_key, year, period, currency, amount FROM tie_out_row
    WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND side IN ('syspro', 'gone') AND unmapped IS NULL
      AND ($6 IS NULL OR (year = $6 AND period = $7))
), placed AS (
    -- a row belongs to the period of its record
    SELECT CASE WHEN e.document_key IS NULL THEN f.year ELSE e.year END AS year,
           CASE WHEN e.document_key IS NULL THEN f.period ELSE e.period END AS period,
           coalesce(nullif(f.currency, ''), e.currency, '') AS currency, f.amount, f.document_key
    FROM tie_out_found f
    LEFT JOIN (
        SELECT document_key, record_key, year, period, currency FROM tie_out_row
        WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4 AND side IN ('syspro', 'gone') AND unmapped IS NULL) e
      ON e.document_key = f.document_key AND e.record_key = f.record_key
    WHERE f.company = $2 AND f.entity = $3 AND f.block = $4
), found AS (
    SELECT year, period, currency, count(*) AS records, sum(amount) AS amount FROM placed f
    WHERE $6 IS NULL OR (year = $6 AND period = $7)
       OR (year IS NULL AND (
           -- a document that cannot be mapped may belong to any period
           SELECT true FROM tie_out_row u
           WHERE u.tie_out_id = $1 AND u.company = $2 AND u.entity = $3
             AND u.block = ANY(ARRAY(SELECT b.block FROM tie_out_block b WHERE b.tie_out_id = $1 AND b.company = $2 AND b.entity = $3))
             AND u.document_key = f.document_key AND u.unmapped IS NOT NULL
           LIMIT 1))
    GROUP BY 1, 2, 3
), own AS (
    SELECT year, period, currency,
           count(*) FILTER (WHERE side = 'syspro') AS records, sum(amount) FILTER (WHERE side = 'syspro') AS amount,
           count(*) FILTER (WHERE side = 'gone') AS gone, sum(amount) FILTER (WHERE side = 'gone') AS gone_amount
    FROM expected GROUP BY 1, 2, 3
), ledger AS (
    SELECT e.year, e.period, e.currency, count(*) AS records, sum(CASE WHEN l.amount ~ '^-?[0-9]+([.][0-9]+)?$' THEN l.amount::numeric END) AS amount
    FROM expected e
    CROSS JOIN LATERAL (SELECT d.id FROM document d WHERE d.company = $2 AND d.entity = $3 AND d.key = e.document_key OFFSET 0) d
    CROSS JOIN LATERAL (
        SELECT r.delivery_id FROM record r WHERE r.document_id = d.id AND r.block = $4 AND r.record_key = e.record_key OFFSET 0) r
    LEFT JOIN LATERAL (SELECT l.payload::jsonb ->> $5 AS amount FROM delivery l WHERE $5 IS NOT NULL AND l.id = r.delivery_id OFFSET 0) l ON true
    WHERE e.side = 'syspro'
    GROUP BY 1, 2, 3
), items AS (
    SELECT year, period, currency, count(*) FILTER (WHERE open) AS open, count(*) FILTER (WHERE NOT open) AS timing, sum(amount) AS amount,
           sum(amount) FILTER (WHERE open) AS open_amount, count(*) FILTER (WHERE open AND kind <> 'differs') AS open_sets
    FROM tie_out_item WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4
    GROUP BY 1, 2, 3
), bucket AS (
    SELECT year, period, currency FROM found UNION SELECT year, period, currency FROM own UNION SELECT year, period, currency FROM items
)
INSERT INTO tie_out_bucket (tie_out_id, company, entity, block, year, period, currency, syspro_records, syspro_amount, ledger_records, ledger_amount,
                            gone_records, gone_amount, servicenow_records, servicenow_amount, open_items, timing_items, explained, verdict)
SELECT $1, $2, $3, $4, b.year, b.period, b.currency, coalesce(o.records, 0), o.amount, coalesce(g.records, 0), g.amount,
       coalesce(o.gone, 0), o.gone_amount, coalesce(f.records, 0), f.amount, coalesce(i.open, 0), coalesce(i.timing, 0), i.amount,
       CASE
           WHEN t.unverified IS NOT NULL THEN 'unverified'
           -- the named differences must add up to the difference of the sums
           WHEN coalesce(f.amount, 0) - coalesce(o.amount, 0) - coalesce(o.gone_amount, 0) <> coalesce(i.amount, 0) THEN 'unverified'
           WHEN coalesce(i.open_amount, 0) <> 0 OR i.open_sets > 0 THEN 'untied'
           WHEN i.open + i.timing > 0 THEN 'balanced'
           ELSE 'tied'
       END
FROM bucket b
JOIN tie_out_block t ON t.tie_out_id = $1 AND t.company = $2 AND t.entity = $3 AND t.block = $4
LEFT JOIN own o ON (o.year, o.period, o.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
LEFT JOIN ledger g ON (g.year, g.period, g.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
LEFT JOIN found f ON (f.year, f.period, f.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
LEFT JOIN items i ON (i.year, i.period, i.currency) IS NOT DISTINCT FROM (b.year, b.period, b.currency)
