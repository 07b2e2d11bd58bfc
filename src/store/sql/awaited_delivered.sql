WITH taken AS (
    DELETE FROM awaited_parent a
    USING document d, record r
    WHERE d.company = a.company AND d.entity = a.entity AND d.key = a.key
      AND r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
    RETURNING a.document_id
)
SELECT DISTINCT document_id FROM taken
