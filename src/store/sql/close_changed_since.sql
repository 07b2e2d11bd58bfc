-- How many documents of company $1 and fiscal period $2 were read with another content after $3, or have left the period since.
WITH read AS (
    SELECT d.id
    FROM run r
    JOIN version v ON v.run_id = r.id
    JOIN document d ON d.id = v.document_id
    WHERE r.company = $1 AND (r.ended_at IS NULL OR r.ended_at >= $3) AND v.read_at >= $3 AND $2 = ANY(d.fiscal_periods)
    UNION
    SELECT c.document_id FROM close_change c WHERE c.company = $1 AND c.number = $2 AND c.found_at >= $3
)
SELECT count(*) AS count FROM read
