INSERT INTO alignment (company, entity, seen_to, swept_at, adopted_at)
SELECT $1, $2, $3, CASE WHEN $4 THEN now() END,
       -- matched: there is a list, and no entry of the first match waits for a decision
       CASE WHEN $4 AND NOT $5 AND EXISTS (SELECT FROM document d WHERE d.company = $1 AND d.entity = $2)
                 AND NOT EXISTS (SELECT FROM conflict c WHERE c.company = $1 AND c.entity = $2 AND c.state = 'open'
                                 AND c.kind IN ('first_contact', 'only_syspro', 'only_servicenow', 'ambiguous'))
            THEN now() END
ON CONFLICT (company, entity) DO UPDATE
SET seen_to = greatest(alignment.seen_to, excluded.seen_to), swept_at = coalesce(excluded.swept_at, alignment.swept_at),
    adopted_at = coalesce(alignment.adopted_at, excluded.adopted_at)
