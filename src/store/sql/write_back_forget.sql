-- no entry wants it any more, and a call that was lost so long ago will not be carried out
DELETE FROM write_back w USING document d
WHERE d.id = w.document_id AND d.company = $1 AND d.entity = $2 AND w.called_at < now() - interval '1 hour'
  AND NOT EXISTS (SELECT FROM conflict c WHERE c.company = $1 AND c.entity = $2 AND c.subject = w.document_id::text
                  AND c.field = w.field AND c.state = 'to_apply')
