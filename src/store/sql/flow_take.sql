-- How a flow stands for whoever wants it. $3: the longest that a lease reaches, $4: seconds since it was due, if by a schedule, $5: by a sweep's.
-- All times are the database's: where its clock was set back, some of them are still to come, and mean nothing.
SELECT *, coalesce(lease_until > now() AND lease_until <= now() + make_interval(secs => $3), false) AS leased,
       coalesce(CASE WHEN $5 THEN last_sweep_at ELSE last_success_at END BETWEEN now() - make_interval(secs => $4) AND now(), false) AS done
FROM flow WHERE company = $1 AND entity = $2 FOR UPDATE
