(SELECT * FROM event
 WHERE documents && ARRAY(SELECT id FROM document WHERE key = $3 AND ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2))
 -- the few events of a key are found by the index before anything else
 OFFSET 0)
