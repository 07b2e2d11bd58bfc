(SELECT 1 FROM version v JOIN document o ON o.id = v.document_id WHERE v.document_id = d.document_id AND v.version = d.version AND (
{version_may_go}
) IS NOT TRUE LIMIT 1)
