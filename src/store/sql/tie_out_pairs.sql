-- A page of records that both sides have, whose values are not written in the same way. `$5`: only these documents; `$9`, `$10`: only this
-- fiscal year and period.
SELECT e.document_key, e.record_key, e.year, e.period, e.currency, e.amount, e.fields, e.document_hash,
       f.currency AS found_currency, f.amount AS found_amount, f.fields AS found_fields, f.sys_id, f.target_table, f.updated_by, f.updated_at
FROM tie_out_row e
CROSS JOIN LATERAL (
    SELECT f.currency, f.amount, f.fields, f.sys_id, f.target_table, f.updated_by, f.updated_at FROM tie_out_found f
    WHERE f.company = $2 AND f.entity = $3 AND f.block = $4 AND f.document_key = e.document_key AND f.record_key = e.record_key AND f.nth = 1
    OFFSET 0) f
WHERE e.tie_out_id = $1 AND e.company = $2 AND e.entity = $3 AND e.block = $4 AND e.differs
  AND ($5 IS NULL OR e.document_key = ANY($5)) AND (e.document_key, e.record_key) > ($6, $7)
  AND ($9 IS NULL OR (e.year = $9 AND e.period = $10))
ORDER BY e.document_key, e.record_key
LIMIT $8
