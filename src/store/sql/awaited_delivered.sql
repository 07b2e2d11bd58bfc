WITH taken AS (
    DELETE FROM awaited_parent a
    USING document d, record r
    WHERE d.company = a.company AND d.entity = a.entity AND d.key = a.key
      AND r.document_id = d.id AND r.block = 'header' AND r.record_key = ''
    RETURNING a.document_id
)
SELECT document_id FROM taken
UNION
-- two parents settled at once: each transaction still saw the other's row, and neither released the document
SELECT p.document_id FROM pending p
WHERE p.state = 'parked' AND p.reason = 'missing_parent'
  AND NOT EXISTS (SELECT 1 FROM awaited_parent a WHERE a.document_id = p.document_id)
