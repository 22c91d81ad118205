-- name: signing_keys
-- Newest first; the first one signs.
SELECT kid, private_key FROM signing_key ORDER BY retired_at IS NOT NULL, created_at DESC

-- name: add_signing_key
INSERT INTO signing_key (kid, private_key) VALUES ($1, $2)

-- name: retire_signing_keys
-- Retired keys verify what they signed; after the longest life of a token they are of no use.
WITH gone AS (DELETE FROM signing_key WHERE retired_at < now() - make_interval(secs => $2))
UPDATE signing_key SET retired_at = now() WHERE kid <> $1 AND retired_at IS NULL

-- name: lock_setup
-- Take turns: replicas that start together in making what a fresh database lacks, administrators
-- in taking each other away.
SELECT pg_advisory_xact_lock(68194)

-- name: settings
SELECT name, value FROM setting WHERE org_id = $1

-- name: put_setting
INSERT INTO setting (org_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value

-- name: count_users
SELECT count(*) FROM app_user WHERE org_id = $1

-- name: count_admins
-- Enabled administrators besides one user.
SELECT count(*) FROM app_user
WHERE org_id = $1 AND role = 'ADMIN' AND NOT disabled AND user_id <> $2

-- name: add_user
INSERT INTO app_user (org_id, user_id, username, display_name, role, password_hash, initial_password)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *

-- name: user_by_name
SELECT * FROM app_user WHERE org_id = $1 AND lower(username) = lower($2)

-- name: user_by_id
SELECT * FROM app_user WHERE org_id = $1 AND user_id = $2

-- name: lock_user
SELECT * FROM app_user WHERE org_id = $1 AND user_id = $2 FOR UPDATE

-- name: list_users
SELECT * FROM app_user
WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (created_at, user_id) < ($2, $3))
ORDER BY created_at DESC, user_id DESC
LIMIT $4

-- name: update_user
UPDATE app_user SET display_name = $3, role = $4, disabled = $5, password_hash = $6,
                    initial_password = $7
WHERE org_id = $1 AND user_id = $2
RETURNING *

-- name: delete_user
DELETE FROM app_user WHERE org_id = $1 AND user_id = $2

-- name: preferences
SELECT value FROM user_preference WHERE org_id = $1 AND user_id = $2

-- name: put_preferences
INSERT INTO user_preference (org_id, user_id, value) VALUES ($1, $2, $3)
ON CONFLICT (org_id, user_id) DO UPDATE SET value = excluded.value

-- name: login_failures
-- Failed logins of the last minute, by name and by address.
SELECT (SELECT count(*) FROM login_failure
        WHERE org_id = $1 AND name = lower($2) AND at > now() - interval '1 minute') AS by_name,
       (SELECT count(*) FROM login_failure
        WHERE address = $3 AND at > now() - interval '1 minute') AS by_address

-- name: add_login_failure
INSERT INTO login_failure (org_id, name, address) VALUES ($1, lower($2), $3)

-- name: add_session
INSERT INTO user_session (org_id, session_id, user_id, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: add_refresh_token
INSERT INTO refresh_token (token_hash, org_id, session_id, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: lock_refresh_token
-- The token, its session and its user, as they stand.
SELECT t.org_id, t.session_id, t.used_at IS NOT NULL AS used,
       t.expires_at <= now() AS expired, s.ended_at IS NOT NULL AS ended,
       s.user_id
FROM refresh_token t JOIN user_session s USING (org_id, session_id)
WHERE t.token_hash = $1
FOR UPDATE OF t

-- name: use_refresh_token
UPDATE refresh_token SET used_at = now() WHERE token_hash = $1

-- name: extend_session
UPDATE user_session SET expires_at = now() + make_interval(secs => $3)
WHERE org_id = $1 AND session_id = $2

-- name: end_sessions
-- One session, or all of a user's; each becomes a revocation.
WITH ended AS (
    UPDATE user_session SET ended_at = now()
    WHERE org_id = $1 AND ended_at IS NULL
      AND (session_id = $2 OR user_id = $3)
    RETURNING session_id
)
INSERT INTO revocation (org_id, kind, subject)
SELECT $1, 'session', session_id FROM ended

-- name: revoke
INSERT INTO revocation (org_id, kind, subject) VALUES ($1, $2, $3)

-- name: revocations
-- What was revoked after a moment (all that still matters, when it is null).
SELECT revocation_id, org_id, kind, subject, issued_before FROM revocation
WHERE $1::timestamptz IS NULL OR issued_before > $1
ORDER BY revocation_id

-- name: add_ticket
INSERT INTO ws_ticket (ticket_hash, org_id, session_id, expires_at, token_expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4), to_timestamp($5))

-- name: redeem_ticket
-- Once, and only while its session lives.
DELETE FROM ws_ticket t USING user_session s, app_user u
WHERE t.ticket_hash = $1
  AND s.org_id = t.org_id AND s.session_id = t.session_id
  AND u.org_id = s.org_id AND u.user_id = s.user_id
RETURNING t.org_id, t.session_id, t.token_expires_at, u.user_id, u.username, u.role,
          t.expires_at > now() AND s.ended_at IS NULL AND NOT u.disabled AS valid

-- name: add_api_key
INSERT INTO api_key (org_id, key_id, user_id, name, role, key_hash, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *

-- name: api_key_by_hash
SELECT k.*, u.username FROM api_key k JOIN app_user u USING (org_id, user_id)
WHERE k.key_hash = $1 AND NOT u.disabled

-- name: list_api_keys
SELECT * FROM api_key
WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2)
  AND ($3::timestamptz IS NULL OR (created_at, key_id) < ($3, $4))
ORDER BY created_at DESC, key_id DESC
LIMIT $5

-- name: delete_api_key
DELETE FROM api_key WHERE org_id = $1 AND key_id = $2 AND ($3::text IS NULL OR user_id = $3)
RETURNING key_id

-- name: delete_keys_above
-- A user who may do less keeps no key that may do more.
WITH gone AS (
    DELETE FROM api_key WHERE org_id = $1 AND user_id = $2 AND role = ANY($3::text[])
    RETURNING key_id
)
INSERT INTO revocation (org_id, kind, subject) SELECT $1, 'api_key', key_id FROM gone

-- name: clean_up
-- What nobody can use any more.
WITH tickets AS (DELETE FROM ws_ticket WHERE expires_at < now()),
     failures AS (DELETE FROM login_failure WHERE at < now() - interval '1 hour'),
     used AS (DELETE FROM refresh_token WHERE used_at < now() - interval '2 days'),
     revoked AS (DELETE FROM revocation WHERE issued_before < now() - make_interval(secs => $1))
DELETE FROM user_session WHERE expires_at < now() - interval '1 day'
