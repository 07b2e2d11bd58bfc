DELETE FROM awaited_parent a
USING document d
WHERE d.id = ANY($1) AND a.company = d.company AND a.entity = d.entity AND a.key = d.key
RETURNING a.document_id
