-- Whether the ledger's own table is the one that this process knows. $1: its number there, NULL before the first check. The server has no
-- expression that only raises an error: another number is written into a text that it cannot read as a number.
(SELECT CASE WHEN $1::bigint IS NULL OR to_regclass('ledger_life')::oid::bigint = $1::bigint THEN true
             ELSE ('tieline: another ledger ' || coalesce(to_regclass('ledger_life')::oid::text, 'none'))::int4 IS NULL END)
