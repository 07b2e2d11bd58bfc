-- Whether version `v` of document `d` is needed no longer. `$4` is the time for which versions are kept, null for ever. A search of an index
-- for each row, fenced by LIMIT: the plan must not depend on the server's statistics.
v.version < d.version
-- the time begins when the next version was read
AND (SELECT 1 FROM version n WHERE n.document_id = v.document_id AND n.version > v.version AND n.read_at < now() - $4::text::interval LIMIT 1) IS NOT NULL
AND (SELECT 1 FROM undelivered p WHERE p.document_id = v.document_id LIMIT 1) IS NULL
AND (SELECT 1 FROM base_version b WHERE b.document_id = v.document_id AND b.version = v.version LIMIT 1) IS NULL
-- lines that did not change stand in ServiceNow with an earlier version
AND (SELECT 1 FROM record r WHERE r.document_id = v.document_id AND r.version = v.version LIMIT 1) IS NULL
AND (SELECT 1 FROM former_record f WHERE f.document_id = v.document_id AND f.version = v.version LIMIT 1) IS NULL
-- a content that could not be read whole is completed by an earlier one
AND (SELECT c.hash <> '' AND c.content NOT LIKE '%"$faults":%' FROM version c WHERE c.document_id = d.id AND c.version = d.version)
