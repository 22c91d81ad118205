-- name: add @org
INSERT INTO firmware_release (org_id, release_id, version, channel, filename, size, sha256,
                              signature_base64, created_by, signed_by, type)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING *

-- name: get @org
SELECT * FROM firmware_release WHERE org_id = $1 AND release_id = $2

-- name: is_pinned @org
-- Whether a release ($3) is of a version that is pinned for a device ($2).
SELECT EXISTS (SELECT 1 FROM device_section s JOIN firmware_release r USING (org_id)
               WHERE s.org_id = $1 AND s.device_id = $2 AND s.kind = 'software' AND r.release_id = $3
                 AND s.document -> 'pins' ->> r.type = r.version)

-- name: taken @org
-- Whether a channel has this version of a type already.
SELECT EXISTS (SELECT 1 FROM firmware_release
               WHERE org_id = $1 AND type = $2 AND channel = $3 AND version = $4)

-- name: list @org
-- Newest first.
SELECT * FROM firmware_release
WHERE org_id = $1
  AND (created_at, release_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, release_id DESC
LIMIT $4

-- name: lock_artifact @org
-- Whoever adds or takes away what names this artifact, one at a time; $1 its SHA-256.
SELECT pg_advisory_xact_lock(hashtextextended('artifact ' || $1, 0))

-- name: names_artifact
-- Whether any release, of whichever organisation, has this artifact.
SELECT EXISTS (SELECT 1 FROM firmware_release WHERE sha256 = $1)

-- name: lock @org
SELECT * FROM firmware_release WHERE org_id = $1 AND release_id = $2 FOR UPDATE

-- name: delete @org
DELETE FROM firmware_release WHERE org_id = $1 AND release_id = $2

-- name: sign @org
-- The signature of a release, and the key of ours that it fits.
UPDATE firmware_release SET signature_base64 = $3, signed_by = $4
WHERE org_id = $1 AND release_id = $2
RETURNING *

-- name: add_key @org
INSERT INTO firmware_key (org_id, key_id, name, public_key, created_by)
VALUES ($1, $2, $3, $4, $5)
RETURNING *

-- name: keys @org
-- Newest first; without a limit ($4) all of an organisation's.
SELECT * FROM firmware_key
WHERE org_id = $1
  AND (created_at, key_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, key_id DESC
LIMIT $4

-- name: delete_key @org
DELETE FROM firmware_key WHERE org_id = $1 AND key_id = $2 RETURNING *

-- name: installed
-- What devices have proven to be installed: $3 the type, $4 the version; of devices that say what they
-- install.
WITH proven AS (
    SELECT p.*
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS p (org_id, device_id, type, version)
    JOIN device_line l USING (org_id, device_id)
    WHERE (l.software -> 'installers') ? p.type
    ORDER BY p.org_id, p.device_id
    FOR UPDATE OF l
)
UPDATE device_line l
SET software = l.software || jsonb_build_object('versions',
        coalesce(l.software -> 'versions', '{}') || p.versions)
FROM (SELECT org_id, device_id, jsonb_object_agg(type, version) AS versions
      FROM proven GROUP BY org_id, device_id) p
WHERE l.org_id = p.org_id AND l.device_id = p.device_id

-- name: end_releases
-- Of organisations that have ended; whose artifacts they were.
DELETE FROM firmware_release r USING org o
WHERE o.org_id = r.org_id AND o.ended_at IS NOT NULL
RETURNING r.sha256
