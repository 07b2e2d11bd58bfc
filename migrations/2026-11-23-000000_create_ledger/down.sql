DROP TABLE enet_session;
DROP TABLE conflict, agreed, alignment;
DROP TABLE node;
DROP TABLE api_key, credential, audit_seal, audit, sweep_seen, awaited_parent, record, intent, pending, delivery, version, document, run, flow;
