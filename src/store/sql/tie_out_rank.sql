-- Of several rows of ServiceNow with one key, the row that the ledger knows comes first. `$5`: only these documents.
UPDATE tie_out_found r SET nth = n.nth
FROM (
    SELECT x.document_key, x.record_key, x.target_table, x.sys_id,
           row_number() OVER (PARTITION BY x.document_key, x.record_key ORDER BY (x.sys_id = k.sys_id) DESC NULLS LAST, x.sys_id) AS nth
    FROM (
        SELECT document_key, record_key FROM tie_out_found
        WHERE company = $2 AND entity = $3 AND block = $4 AND ($5 IS NULL OR document_key = ANY($5))
        GROUP BY document_key, record_key HAVING count(*) > 1 OR max(nth) > 1
    ) t
    CROSS JOIN LATERAL (
        SELECT x.document_key, x.record_key, x.target_table, x.sys_id FROM tie_out_found x
        WHERE x.company = $2 AND x.entity = $3 AND x.block = $4 AND x.document_key = t.document_key AND x.record_key = t.record_key OFFSET 0) x
    LEFT JOIN LATERAL (
        SELECT d.id FROM document d WHERE d.company = $2 AND d.entity = $3 AND d.key = x.document_key OFFSET 0) d ON true
    LEFT JOIN LATERAL (
        SELECT k.sys_id FROM record k WHERE k.document_id = d.id AND k.block = $4 AND k.record_key = x.record_key OFFSET 0) k ON true
) n
WHERE r.company = $2 AND r.entity = $3 AND r.block = $4 AND r.document_key = n.document_key AND r.record_key = n.record_key
  AND r.target_table = n.target_table AND r.sys_id = n.sys_id AND r.nth <> n.nth
