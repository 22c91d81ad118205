-- name: add_application @org
INSERT INTO application (org_id, name, target, remove_when_unmatched, created_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING *

-- name: application @org
SELECT * FROM application WHERE org_id = $1 AND name = $2

-- name: lock_application @org
SELECT * FROM application WHERE org_id = $1 AND name = $2 FOR UPDATE

-- name: applications @org
-- Newest first, behind ($3, $4); $2: of these names only, null for all.
SELECT * FROM application
WHERE org_id = $1 AND ($2::text[] IS NULL OR name = ANY ($2))
  AND ($3::timestamptz IS NULL OR (created_at, name) < ($3, $4))
ORDER BY created_at DESC, name DESC LIMIT $5

-- name: change_application @org
-- What it is given to, from now on; whatever kept it from being removed was decided for the former target.
UPDATE application SET target = $3, remove_when_unmatched = $4, paused_because = NULL, version = version + 1,
                       updated_at = now()
WHERE org_id = $1 AND name = $2
RETURNING *

-- name: set_current @org
UPDATE application SET current = $3, version = version + 1, updated_at = now()
WHERE org_id = $1 AND name = $2
RETURNING *

-- name: pause_application
UPDATE application SET paused_because = $3 WHERE org_id = $1 AND name = $2

-- name: delete_application @org
DELETE FROM application WHERE org_id = $1 AND name = $2 RETURNING name

-- name: add_revision @org
-- The same content is the same revision; a signature may come later, and then stays.
INSERT INTO application_revision AS r (
    org_id, application, revision, sha256, pinned, compose, config_maps, secrets, data_bytes, services, hosts,
    variables, asks_for, signature, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (org_id, application, revision) DO UPDATE SET signature = coalesce(r.signature, excluded.signature)
RETURNING *

-- name: hold_data @org
-- The config maps ($2) and secrets ($3) that a revision is about to name: nobody deletes them before the commit.
SELECT m.name, m.version, false AS secret
FROM (SELECT name, version FROM config_map WHERE org_id = $1 AND name = ANY ($2::text[])
      ORDER BY name FOR SHARE) m
UNION ALL
SELECT s.name, s.version, true
FROM (SELECT name, version FROM secret WHERE org_id = $1 AND name = ANY ($3::text[])
      ORDER BY name FOR SHARE) s

-- name: revision @org
SELECT * FROM application_revision WHERE org_id = $1 AND application = $2 AND revision = $3

-- name: newest_revision @org
SELECT * FROM application_revision WHERE org_id = $1 AND application = $2 ORDER BY number DESC LIMIT 1

-- name: revisions @org
-- Newest first, behind the number $3.
SELECT * FROM application_revision
WHERE org_id = $1 AND application = $2 AND number < (SELECT coalesce($3::bigint, 9223372036854775807))
ORDER BY number DESC LIMIT $4

-- name: forget_revisions @org
-- All but the newest hundred, what is current, what devices have or wait for, and what rolls out.
DELETE FROM application_revision r
WHERE r.org_id = $1 AND r.application = $2
  AND r.number < (SELECT min(number) FROM (
          SELECT number FROM application_revision WHERE org_id = $1 AND application = $2
          ORDER BY number DESC LIMIT 100) newest)
  AND NOT EXISTS (SELECT 1 FROM application a
                  WHERE a.org_id = r.org_id AND a.name = r.application AND a.current = r.revision)
  AND NOT EXISTS (SELECT 1 FROM device_application d
                  WHERE d.org_id = r.org_id AND d.application = r.application
                    AND (d.revision = r.revision OR d.wanted = r.revision))
  AND NOT EXISTS (SELECT 1 FROM campaign c
                  WHERE c.org_id = r.org_id AND c.subject = r.application AND c.closed_at IS NULL
                    AND c.command ->> 'revision' = r.revision)

-- name: compositions
-- The revisions of these (organisation, application, revision).
SELECT r.* FROM application_revision r
JOIN unnest($1::text[], $2::text[], $3::text[]) AS w (org_id, application, revision)
     USING (org_id, application, revision)

-- name: targeted
-- Every application that a query gives to devices.
SELECT * FROM application WHERE target IS NOT NULL ORDER BY org_id, name
