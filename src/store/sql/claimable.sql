-- whether delivery `p` of queue `l` (entity, block, company) may be claimed: the one predicate for the claim and for the search for due
-- deliveries
NOT EXISTS (SELECT FROM flow f WHERE f.company = l.company AND f.entity = l.entity AND f.stopped IS NOT NULL)
AND p.entity = l.entity AND p.block = l.block AND p.company = l.company AND p.not_before <= now()
-- it is not in progress
AND p.batch_id IS NULL
-- an earlier delivery of the same record is settled first, whatever its version (`+ 0`: the planner must find it by its record, never by
-- its number)
AND (SELECT 1 FROM pending e
     WHERE e.document_id = p.document_id AND e.block = p.block AND e.record_key = p.record_key AND e.delivery_id + 0 < p.delivery_id
       -- a failed delivery is settled
       AND e.own_state NOT IN ('failed', 'waiting', 'on_hold')
     LIMIT 1) IS NULL
-- nor is one of the same block in progress that a batch took from the outbox
AND (SELECT 1 FROM intent i WHERE i.entity = p.entity AND i.block = p.block AND p.document_id = ANY(i.documents) LIMIT 1) IS NULL
