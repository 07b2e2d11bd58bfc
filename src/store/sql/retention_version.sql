-- Versions that may go, of the documents in some blocks of the table. `{blocks}`: $1 and $2; $3: how long versions are kept.
SELECT v.ctid FROM (SELECT d.id, d.version FROM document d WHERE {blocks} AND d.version > 1 OFFSET 0) d
CROSS JOIN LATERAL (SELECT v.ctid, v.* FROM version v WHERE v.document_id = d.id AND v.version < d.version OFFSET 0) v
WHERE now() - $3::text::interval IS NOT NULL AND {version_may_go}
