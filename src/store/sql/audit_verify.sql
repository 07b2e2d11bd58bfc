SELECT s.id, s.rows, s.previous, s.hash,
       sha256(s.previous || convert_to(coalesce(s.mark, ''), 'UTF8') || coalesce((SELECT string_agg(sha256(convert_to(concat_ws('|', a.id,
           extract(epoch FROM a.at), a.kind, a.company, a.entity, a.document_id, a.version, a.delivery_id, a.batch_id, a.run_id, a.actor, a.detail),
           'UTF8')), ''::bytea ORDER BY a.id)
         FROM audit a WHERE a.xid >= s.from_xid AND a.xid < s.to_xid AND a.life = s.life), ''::bytea)) AS recomputed
FROM audit_seal s
WHERE s.id > $1
ORDER BY s.id
LIMIT 50
