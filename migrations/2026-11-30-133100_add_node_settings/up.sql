-- The settings under which each node last worked, secrets left out, so that an event can say what a start changed.
CREATE TABLE node_settings (
    node text PRIMARY KEY,
    fingerprint text NOT NULL,
    settings jsonb NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
