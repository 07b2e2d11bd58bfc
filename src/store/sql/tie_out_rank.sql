-- Of several rows of ServiceNow with one key, the row that the ledger knows comes first.
UPDATE tie_out_found r SET nth = n.nth
FROM (
    SELECT x.ctid AS at, row_number() OVER (PARTITION BY x.document_key, x.record_key ORDER BY (x.sys_id = k.sys_id) DESC NULLS LAST, x.sys_id) AS nth
    FROM (
        SELECT document_key, record_key FROM tie_out_found
        WHERE company = $2 AND entity = $3 AND block = $4 AND ($5 IS NULL OR document_key = ANY($5))
        GROUP BY document_key, record_key HAVING count(*) > 1 OR max(nth) > 1
    ) t
    JOIN tie_out_found x ON x.company = $2 AND x.entity = $3 AND x.block = $4 AND x.document_key = t.document_key AND x.record_key = t.record_key
    LEFT JOIN document d ON d.company = $2 AND d.entity = $3 AND d.key = x.document_key
    LEFT JOIN record k ON k.document_id = d.id AND k.block = $4 AND k.record_key = x.record_key
) n
WHERE r.ctid = n.at AND r.nth <> n.nth
