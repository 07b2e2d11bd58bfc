INSERT INTO audit (kind, company, entity, document_id, version, delivery_id, batch_id, run_id, actor, detail)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::uuid[], $8::uuid[], $9::text[], $10::text[])
