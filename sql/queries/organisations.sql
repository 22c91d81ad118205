-- name: list
SELECT * FROM org WHERE ended_at IS NULL ORDER BY created_at, org_id

-- name: get
SELECT * FROM org WHERE org_id = $1

-- name: add
INSERT INTO org (org_id, name, timezone) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING *

-- name: describe
UPDATE org SET name = $2, timezone = $3 WHERE org_id = $1 AND ended_at IS NULL RETURNING *

-- name: end
UPDATE org SET ended_at = now() WHERE org_id = $1 AND ended_at IS NULL RETURNING *

-- name: end_sessions
-- Every session of an organisation, and the sockets of its members.
WITH ended AS (
    UPDATE user_session SET ended_at = now(), lowest = highest + 1
    WHERE org_id = $1 AND lowest <= highest
    RETURNING user_id || '/' || session_id AS subject, lowest, highest
), told AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT $1, 'user', user_id, 1, 0 FROM member WHERE org_id = $1
)
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT $1, 'session', subject, lowest, highest FROM ended

-- name: end_devices
WITH ended AS (
    UPDATE device SET lowest = highest + 1, disabled = true
    WHERE org_id = $1 AND lowest <= highest
    RETURNING device_id, lowest, highest
)
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT $1, 'device', device_id, lowest, highest FROM ended

-- name: end_settings
-- No device enrols with its key.
UPDATE setting SET value = 'null' WHERE org_id = $1 AND name = 'enrollment_key'

-- name: end_members
-- Members, what they were granted, their keys and sessions, and accounts that are members of nothing else.
WITH bound AS (DELETE FROM role_binding WHERE org_id = $1),
     invited AS (DELETE FROM invitation WHERE org_id = $1),
     teams AS (DELETE FROM team WHERE org_id = $1),
     roles AS (DELETE FROM custom_role WHERE org_id = $1),
     gone AS (DELETE FROM member WHERE org_id = $1 RETURNING user_id)
DELETE FROM account a USING gone
WHERE a.user_id = gone.user_id
  AND NOT EXISTS (SELECT FROM member x WHERE x.user_id = a.user_id AND x.org_id <> $1)

-- name: ended
-- Organisations that have ended.
SELECT org_id FROM org WHERE ended_at IS NOT NULL ORDER BY org_id

-- name: empty
-- A step; how many rows are gone.
SELECT empty_organisation($1, $2)

-- name: add_invitation @org
INSERT INTO invitation (org_id, invitation_id, token_hash, username, role, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now() + interval '7 days'))
RETURNING *

-- name: invitations @org
-- Those that can still be accepted, the newest first.
SELECT * FROM invitation
WHERE org_id = $1 AND used_at IS NULL AND expires_at > now()
  AND (created_at, invitation_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, invitation_id DESC
LIMIT $4

-- name: delete_invitation @org
DELETE FROM invitation WHERE org_id = $1 AND invitation_id = $2 AND used_at IS NULL
RETURNING invitation_id

-- name: open_invitation
SELECT i.* FROM invitation i JOIN org o USING (org_id)
WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.expires_at > now() AND o.ended_at IS NULL

-- name: use_invitation
-- Once; nothing for one that is unknown, used, withdrawn or has run out.
UPDATE invitation i SET used_at = now() FROM org o
WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.expires_at > now()
  AND o.org_id = i.org_id AND o.ended_at IS NULL
RETURNING i.*

-- name: services @org
SELECT m.user_id, m.created_at, a.display_name, member_role(m.org_id, m.user_id) AS role
FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.kind = 'service'
  AND (m.created_at, m.user_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY m.created_at DESC, m.user_id DESC
LIMIT $4

-- name: service @org
SELECT m.user_id, m.created_at, a.display_name, member_role(m.org_id, m.user_id) AS role
FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.user_id = $2 AND m.kind = 'service'
