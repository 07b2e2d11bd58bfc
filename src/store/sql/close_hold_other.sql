-- Gives documents that period $2 of company $1 holds to another locked period of theirs.
UPDATE hold h
SET locked_period = o.number, held_by = 'the lock of ' || o.number / 100 || CASE WHEN o.number % 100 > 0 THEN '-' || lpad((o.number % 100)::text, 2, '0') ELSE '' END
FROM document d CROSS JOIN LATERAL (
    SELECT c.number FROM close_period c
    WHERE c.company = $1 AND c.frozen AND c.number <> $2 AND c.number = ANY(d.fiscal_periods)
    ORDER BY c.number LIMIT 1) o
WHERE d.id = h.document_id AND d.company = $1 AND h.locked_period = $2
