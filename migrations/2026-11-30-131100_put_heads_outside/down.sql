DROP TABLE audit_outside;
