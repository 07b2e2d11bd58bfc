-- Counts the records and rows of a block that belong to no known fiscal period.
UPDATE tie_out_block SET without_period = (
    SELECT count(*) FROM tie_out_row e
    WHERE e.tie_out_id = $1 AND e.company = $2 AND e.entity = $3 AND e.block = $4 AND e.unmapped IS NULL AND (e.year IS NULL OR e.period IS NULL)
) + (
    SELECT count(*) FROM tie_out_found f
    LEFT JOIN (
        SELECT document_key, record_key FROM tie_out_row WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4) e
      ON e.document_key = f.document_key AND e.record_key = f.record_key
    WHERE f.company = $2 AND f.entity = $3 AND f.block = $4 AND (f.year IS NULL OR f.period IS NULL) AND e.document_key IS NULL
)
WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = $4
