-- The state of a flow, for a caller that wants to take it. $3: the longest lease; $4: seconds since it was due by a schedule, if it was;
-- $5: whether it was a sweep's schedule. All times are the database's: if its clock was set back, times in the future mean nothing.
SELECT *, coalesce(lease_until > now() AND lease_until <= now() + make_interval(secs => $3), false) AS leased,
       coalesce(CASE WHEN $5 THEN last_sweep_at ELSE last_success_at END BETWEEN now() - make_interval(secs => $4) AND now(), false) AS done
FROM flow WHERE company = $1 AND entity = $2 FOR UPDATE
