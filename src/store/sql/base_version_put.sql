INSERT INTO base_version (document_id, version, fields, again)
SELECT n.document_id, n.version, n.fields::jsonb, n.again
FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::boolean[]) AS n (document_id, version, fields, again)
ON CONFLICT (document_id) DO UPDATE
SET version = excluded.version, fields = base_version.fields || excluded.fields, again = excluded.again
