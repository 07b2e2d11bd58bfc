-- The reasons of failed records, the states of records in ServiceNow and the causes of a tie-out, as the screens, the API and the metrics
-- name them. Rows of the audit keep their words, because the chain seals them.
SET LOCAL statement_timeout = 0;
UPDATE pending SET reason = 'downstream' WHERE own_state = 'failed' AND reason = 'downstream_failed';
-- Tieline itself refused these: they could not be mapped, or were mapped for a table that the definition no longer writes
UPDATE pending p SET reason = 'unmapped'
FROM delivery l
WHERE p.own_state = 'failed' AND p.reason = 'rejected' AND l.id = p.delivery_id
  AND (l.action = 'unmapped' OR p.message LIKE 'it was mapped under another definition, for another table than the current one%');
UPDATE downstream SET state = 'unknown' WHERE state = 'could_not_tell';
UPDATE tie_out_item SET cause = CASE cause WHEN 'downstream_failed' THEN 'downstream' ELSE 'unexplained' END
WHERE cause IN ('downstream_failed', 'could_not_tell');
