-- A page of rows of ServiceNow without a record of SYSPRO and without a fiscal period, whose document the ledger knows: each with the
-- document's last content, in the order of the rows. `$5`: only these documents.
SELECT f.document_key, f.record_key, f.target_table, f.sys_id, v.content
FROM tie_out_found f
LEFT JOIN LATERAL (
    SELECT true AS there FROM tie_out_row e
    WHERE e.tie_out_id = $1 AND e.company = $2 AND e.entity = $3 AND e.block = $4 AND e.document_key = f.document_key
      AND e.record_key = f.record_key AND e.side IN ('syspro', 'gone') AND e.unmapped IS NULL
    LIMIT 1) e ON true
CROSS JOIN LATERAL (
    SELECT d.id, d.version FROM document d
    WHERE e.there IS NULL AND d.company = $2 AND d.entity = $3 AND d.key = f.document_key OFFSET 0) d
CROSS JOIN LATERAL (SELECT v.content FROM version v WHERE v.document_id = d.id AND v.version = d.version OFFSET 0) v
WHERE f.company = $2 AND f.entity = $3 AND f.block = $4 AND f.year IS NULL AND ($5 IS NULL OR f.document_key = ANY($5))
  AND (f.target_table, f.sys_id) > ($6, $7) AND e.there IS NULL
ORDER BY f.target_table, f.sys_id
LIMIT $8
