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

-- name: keep @org
-- A version that is about to be replaced.
INSERT INTO secret_version (org_id, name, version, sealed) VALUES ($1, $2, $3, $4)

-- name: sizes @org
-- The present versions of these, and about how many bytes each is.
SELECT name, version, length(sealed) * 3 / 4 AS size FROM secret WHERE org_id = $1 AND name = ANY ($2)

-- name: sealed_versions
-- For devices that have revisions which name them: of these (organisation, name, version).
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w (org_id, name, version)
)
SELECT s.org_id, s.name, s.version, s.sealed, true AS present
FROM secret s JOIN wanted USING (org_id, name, version)
UNION ALL
SELECT v.org_id, v.name, v.version, v.sealed, false
FROM secret_version v JOIN wanted USING (org_id, name, version)

-- name: is_named @org
-- Whether a revision of an application names it.
SELECT EXISTS (SELECT 1 FROM application_revision WHERE org_id = $1 AND jsonb_exists(secrets, $2))

-- name: forget_versions
-- Those that were replaced 30 days ago and that no revision names.
DELETE FROM secret_version v
WHERE v.replaced_at < now() - interval '30 days'
  AND NOT EXISTS (SELECT 1 FROM application_revision r
                  WHERE r.org_id = v.org_id AND r.secrets -> v.name = to_jsonb(v.version))
