-- name: add_config_map @org
INSERT INTO config_map (org_id, name, created_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING version

-- name: lock_config_map @org
SELECT version FROM config_map WHERE org_id = $1 AND name = $2 FOR UPDATE

-- name: raise_config_map @org
UPDATE config_map SET version = version + 1, updated_at = now() WHERE org_id = $1 AND name = $2
RETURNING version

-- name: add_config_map_version @org
INSERT INTO config_map_version (org_id, name, version, size, hash, data) VALUES ($1, $2, $3, $4, $5, $6)

-- name: config_map @org
SELECT m.*, v.size, v.hash, v.data FROM config_map m JOIN config_map_version v USING (org_id, name, version)
WHERE m.org_id = $1 AND m.name = $2

-- name: config_maps @org
-- Newest first, behind ($3, $4); $2: of these names only, null for all.
SELECT m.*, v.size, v.hash, v.data
FROM (SELECT * FROM config_map
      WHERE org_id = $1 AND ($2::text[] IS NULL OR name = ANY ($2))
        AND ($3::timestamptz IS NULL OR (created_at, name) < ($3, $4))
      ORDER BY created_at DESC, name DESC LIMIT $5) m
JOIN config_map_version v USING (org_id, name, version)
ORDER BY m.created_at DESC, m.name DESC

-- name: delete_config_map @org
-- Unless a revision of an application names it.
DELETE FROM config_map m
WHERE org_id = $1 AND name = $2
  AND NOT EXISTS (SELECT 1 FROM application_revision r
                  WHERE r.org_id = m.org_id AND jsonb_exists(r.config_maps, m.name))
RETURNING name

-- name: config_map_sizes @org
-- The present versions of these, and how many bytes each is.
SELECT m.name, m.version, v.size FROM config_map m JOIN config_map_version v USING (org_id, name, version)
WHERE m.org_id = $1 AND m.name = ANY ($2)

-- name: config_map_versions
-- For devices that have revisions which name them: of these (organisation, name, version).
SELECT v.org_id, v.name, v.version, v.data
FROM config_map_version v
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS w (org_id, name, version) USING (org_id, name, version)

-- name: forget_config_map_versions
-- Those that are not the present one, are older than 30 days, and that no revision names.
DELETE FROM config_map_version v
WHERE v.created_at < now() - interval '30 days'
  AND NOT EXISTS (SELECT 1 FROM config_map m
                  WHERE m.org_id = v.org_id AND m.name = v.name AND m.version = v.version)
  AND NOT EXISTS (SELECT 1 FROM application_revision r
                  WHERE r.org_id = v.org_id AND r.config_maps -> v.name = to_jsonb(v.version))

-- name: add_registry @org
INSERT INTO registry (org_id, name, url, host, username, sealed, ca, created_by, hand_over)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ARRAY[$4])
ON CONFLICT DO NOTHING RETURNING *

-- name: put_registry @org
-- It is handed over to the devices of its former host, too.
UPDATE registry SET url = $3, host = $4, username = $5, sealed = $6, ca = $7, version = version + 1,
                    updated_at = now(),
                    hand_over = array_remove(array_remove(hand_over, host), $4)
                        || CASE WHEN host = $4 THEN ARRAY[host] ELSE ARRAY[host, $4] END
WHERE org_id = $1 AND name = $2
RETURNING *

-- name: registries_to_hand_over
-- Those that not every device of theirs was handed as they are now.
SELECT * FROM registry WHERE hand_over <> '{}' ORDER BY org_id, name

-- name: handed_over @org
-- Unless it was changed since ($3).
UPDATE registry SET hand_over = '{}' WHERE org_id = $1 AND name = $2 AND version = $3

-- name: registry @org
SELECT * FROM registry WHERE org_id = $1 AND name = $2

-- name: is_taken @org
-- Whether another registry ($2 apart) is that of a host.
SELECT EXISTS (SELECT 1 FROM registry WHERE org_id = $1 AND name <> $2 AND host = $3)

-- name: registries @org
-- Newest first, behind ($2, $3).
SELECT * FROM registry
WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (created_at, name) < ($2, $3))
ORDER BY created_at DESC, name DESC LIMIT $4

-- name: delete_registry @org
-- Unless an image of a revision comes from there.
DELETE FROM registry g
WHERE org_id = $1 AND name = $2
  AND NOT EXISTS (SELECT 1 FROM application_revision r WHERE r.org_id = g.org_id AND g.host = ANY (r.hosts))
RETURNING name

-- name: registries_of
-- Of these organisations ($1), how devices sign in at these hosts ($2).
SELECT r.* FROM registry r
JOIN unnest($1::text[], $2::text[]) AS w (org_id, host) USING (org_id, host)
ORDER BY r.org_id, r.host
