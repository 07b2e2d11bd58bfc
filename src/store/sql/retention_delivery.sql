-- Deliveries that may go, in some blocks of the table. `{blocks}`: $1 and $2; $3: how long they are kept. Whether a version stays is asked
-- once for all deliveries of it.
WITH candidate AS MATERIALIZED (
    SELECT d.at, d.document_id, d.version,
           r.version = d.version AND (SELECT n.payload_hash FROM delivery n WHERE n.id = r.delivery_id) = d.payload_hash AS again
    FROM (SELECT d.ctid AS at, d.* FROM delivery d WHERE {blocks} AND d.created_at < now() - $3::text::interval OFFSET 0) d
    CROSS JOIN LATERAL (
        SELECT r.version, r.delivery_id FROM record r
        WHERE r.document_id = d.document_id AND r.block = d.block AND r.record_key = d.record_key AND r.delivery_id > d.id LIMIT 1) r
    WHERE (SELECT 1 FROM undelivered p WHERE p.document_id = d.document_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM former_record f WHERE f.document_id = d.document_id AND f.block = d.block AND f.record_key = d.record_key
           AND f.delivery_id = d.id LIMIT 1) IS NULL
      AND (SELECT 1 FROM downstream w WHERE w.document_id = d.document_id AND w.block = d.block AND w.record_key = d.record_key
           AND w.delivery_id = d.id LIMIT 1) IS NULL
      AND (SELECT 1 FROM conflict c WHERE c.document_id = d.document_id AND c.state <> 'closed' LIMIT 1) IS NULL
), gone_version AS MATERIALIZED (
    SELECT d.document_id, d.version FROM (SELECT DISTINCT document_id, version FROM candidate WHERE NOT again) d
    WHERE {version_stays} IS NULL
)
SELECT c.at AS ctid FROM candidate c LEFT JOIN gone_version g ON g.document_id = c.document_id AND g.version = c.version
WHERE c.again OR g.document_id IS NOT NULL
