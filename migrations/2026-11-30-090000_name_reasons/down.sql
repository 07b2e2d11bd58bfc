UPDATE tie_out_item SET cause = CASE cause WHEN 'downstream' THEN 'downstream_failed' ELSE 'could_not_tell' END
WHERE cause IN ('downstream', 'unexplained');
UPDATE downstream SET state = 'could_not_tell' WHERE state = 'unknown';
UPDATE pending SET reason = CASE reason WHEN 'downstream' THEN 'downstream_failed' ELSE 'rejected' END
WHERE own_state = 'failed' AND reason IN ('downstream', 'unmapped');
