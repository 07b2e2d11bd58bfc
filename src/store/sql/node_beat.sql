WITH old AS (
    DELETE FROM node WHERE seen_at < now() - interval '1 day'
)
INSERT INTO node (incarnation, name) VALUES ($1, $2)
ON CONFLICT (incarnation) DO UPDATE SET seen_at = now()
