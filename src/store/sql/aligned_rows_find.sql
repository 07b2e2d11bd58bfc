SELECT sys_id, updated_at, fields, source_key, natural_key, document_id, of_other FROM aligned_row
WHERE company = $1 AND entity = $2 AND sys_id = ANY($3)
UNION
SELECT sys_id, updated_at, fields, source_key, natural_key, document_id, of_other FROM aligned_row
WHERE company = $1 AND entity = $2 AND source_key <> '' AND source_key = ANY($4)
UNION
SELECT sys_id, updated_at, fields, source_key, natural_key, document_id, of_other FROM aligned_row
WHERE company = $1 AND entity = $2 AND natural_key IS NOT NULL AND natural_key = ANY($5) AND NOT of_other
ORDER BY sys_id
