INSERT INTO outbox (document_id, id, company, entity, block, version, ready, known, run_id, deliveries)
SELECT n.document_id, n.id, $1, $2, n.block, n.version, n.ready, n.known, $3, n.deliveries::bigint[]
FROM unnest($4::bigint[], $5::bigint[], $6::text[], $7::integer[], $8::boolean[], $9::boolean[], $10::text[])
    AS n (document_id, id, block, version, ready, known, deliveries)
