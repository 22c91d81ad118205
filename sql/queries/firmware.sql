-- name: add
INSERT INTO firmware_release (org_id, release_id, version, channel, filename, size, sha256,
                              signature_base64, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING *

-- name: get
SELECT * FROM firmware_release WHERE org_id = $1 AND release_id = $2

-- name: taken
-- Whether a channel has this version already.
SELECT EXISTS (SELECT 1 FROM firmware_release WHERE org_id = $1 AND channel = $2 AND version = $3)

-- name: list
-- Newest first.
SELECT * FROM firmware_release
WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (created_at, release_id) < ($2, $3))
ORDER BY created_at DESC, release_id DESC
LIMIT $4
