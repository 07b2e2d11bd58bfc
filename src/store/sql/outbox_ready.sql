-- Lines whose header is confirmed may be sent. `$1`: the documents, in order, so that two transactions lock their rows in the same order.
UPDATE outbox o SET ready = true
WHERE NOT o.ready AND o.document_id = ANY(ARRAY(
    SELECT d.id FROM unnest($1::bigint[]) AS d (id)
    WHERE (SELECT 1 FROM pending h WHERE h.document_id = d.id AND h.block = 'header' LIMIT 1) IS NULL
      AND (SELECT 1 FROM outbox h WHERE h.document_id = d.id AND h.block = 'header' LIMIT 1) IS NULL))
