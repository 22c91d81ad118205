-- name: add @org
INSERT INTO secret (org_id, name, keys, hash, sealed, created_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING *

-- name: get @org
SELECT * FROM secret WHERE org_id = $1 AND name = $2

-- name: lock @org
SELECT * FROM secret WHERE org_id = $1 AND name = $2 FOR UPDATE

-- name: put @org
UPDATE secret SET version = version + 1, keys = $3, hash = $4, sealed = $5, updated_at = now()
WHERE org_id = $1 AND name = $2
RETURNING *

-- name: delete @org
DELETE FROM secret WHERE org_id = $1 AND name = $2 RETURNING name

-- name: list @org
-- Newest first, behind ($3, $4); $2: of these names only, null for all.
SELECT * FROM secret
WHERE org_id = $1 AND ($2::text[] IS NULL OR name = ANY ($2))
  AND ($3::timestamptz IS NULL OR (created_at, name) < ($3, $4))
ORDER BY created_at DESC, name DESC LIMIT $5

-- name: keys @org
-- Which of these there are, and the names of their values.
SELECT name, keys FROM secret WHERE org_id = $1 AND name = ANY ($2)

-- name: sealed
-- For what is sent: of these (organisation, name).
SELECT org_id, name, sealed FROM secret
WHERE (org_id, name) IN (SELECT unnest($1::text[]), unnest($2::text[]))
