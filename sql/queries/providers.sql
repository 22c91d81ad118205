-- name: add_provider
INSERT INTO sign_in_provider (provider_id, org_id, kind, name, settings, secret)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING *

-- name: count_providers
-- How many an organisation has, or the installation for null.
SELECT count(*) FROM sign_in_provider WHERE org_id IS NOT DISTINCT FROM $1

-- name: providers
-- Those by which people sign in to an organisation, the oldest first.
SELECT * FROM sign_in_provider WHERE org_id IS NULL OR org_id = $1 ORDER BY created_at, provider_id

-- name: provider
SELECT * FROM sign_in_provider WHERE provider_id = $1

-- name: lock_provider
SELECT * FROM sign_in_provider WHERE provider_id = $1 FOR UPDATE

-- name: set_provider
UPDATE sign_in_provider SET name = $2, settings = $3, secret = $4 WHERE provider_id = $1
RETURNING *

-- name: delete_provider
DELETE FROM sign_in_provider WHERE provider_id = $1

-- name: add_request
INSERT INTO sign_in_request (state_hash, browser_hash, provider_id, purpose, nonce, verifier, return_to,
                             org_id, user_id, session_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: use_request
-- Once, by the browser that began it, within ten minutes; `seconds` since it began.
DELETE FROM sign_in_request
WHERE state_hash = $1 AND browser_hash = $2 AND provider_id = $3 AND began_at > now() - interval '10 minutes'
RETURNING *, extract(epoch FROM clock_timestamp() - began_at)::float8 AS seconds

-- name: is_living
SELECT EXISTS (SELECT 1 FROM org WHERE org_id = $1 AND ended_at IS NULL)

-- name: owner_of
-- Whose account a provider names.
SELECT user_id FROM sign_in_identity WHERE provider_id = $1 AND issuer = $2 AND subject = $3

-- name: add_identity
-- Nothing when it is somebody's.
INSERT INTO sign_in_identity (provider_id, issuer, subject, user_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING user_id

-- name: lock_identity
-- One after the other: two first sign-ins at once make one account.
SELECT pg_advisory_xact_lock(hashtextextended('identity ' || $1 || ' ' || $2 || ' ' || $3, 0))

-- name: place_of
-- Where an account signs in: in $2, or where it was last, or is a member longest.
SELECT m.org_id FROM account a
JOIN member m USING (user_id) JOIN org o USING (org_id)
WHERE a.user_id = $1 AND m.kind = 'person' AND NOT m.disabled AND o.ended_at IS NULL
  AND ($2::text IS NULL OR m.org_id = $2)
ORDER BY m.org_id IS NOT DISTINCT FROM a.last_org DESC, m.created_at
LIMIT 1

-- name: methods_of
-- By what a user can show again who it is.
SELECT a.password_hash IS NOT NULL OR EXISTS (
           SELECT 1 FROM sign_in_identity i JOIN sign_in_provider p USING (provider_id)
           WHERE i.user_id = a.user_id AND p.kind = 'ldap') AS has_password,
       a.totp_confirmed AS has_code,
       EXISTS (SELECT 1 FROM passkey k WHERE k.user_id = a.user_id) AS has_passkey,
       EXISTS (SELECT 1 FROM sign_in_identity i JOIN sign_in_provider p USING (provider_id)
               WHERE i.user_id = a.user_id AND p.kind = 'oidc') AS has_provider
FROM account a WHERE a.user_id = $1

-- name: add_grant
INSERT INTO provider_grant (grant_id, provider_id, issuer, subject, sid, groups, refresh_token)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: attach
-- A session that began with a grant ($3), and ends after $4 hours.
WITH made AS (INSERT INTO provider_session (org_id, session_id, grant_id) VALUES ($1, $2, $3))
UPDATE user_session SET ends_at = least(ends_at, now() + make_interval(hours => $4))
WHERE org_id = $1 AND session_id = $2
RETURNING ends_at

-- name: grant_of
-- What a provider said of who began a session.
SELECT g.*, v.org_id AS provider_org
FROM provider_session p JOIN provider_grant g USING (grant_id) JOIN sign_in_provider v USING (provider_id)
WHERE p.org_id = $1 AND p.session_id = $2

-- name: copy_session
-- A session ($3, $4) that goes on from another ($1, $2).
INSERT INTO provider_session (org_id, session_id, grant_id)
SELECT $3, $4, grant_id FROM provider_session WHERE org_id = $1 AND session_id = $2
RETURNING grant_id

-- name: claim_check
-- One caller asks the provider whether a session may go on, when its refresh token ($1) is good and the
-- last answer is fifteen minutes old.
UPDATE provider_grant g SET checked_at = now()
FROM refresh_token t, user_session s, provider_session p, sign_in_provider v
WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > now()
  AND s.org_id = t.org_id AND s.session_id = t.session_id AND s.lowest <= s.highest AND s.ends_at > now()
  AND p.org_id = t.org_id AND p.session_id = t.session_id
  AND g.grant_id = p.grant_id AND v.provider_id = g.provider_id
  AND (g.refresh_token IS NOT NULL OR v.kind = 'ldap') AND g.checked_at <= now() - interval '15 minutes'
RETURNING g.*, v.org_id AS provider_org

-- name: checked
-- What the provider says now: groups, and the token to ask with next time.
UPDATE provider_grant SET groups = $2, refresh_token = $3 WHERE grant_id = $1

-- name: sessions_of_provider
-- Those that have not ended, of all; of a grant ($2), a subject ($3), or a session of the provider's ($4).
SELECT p.org_id, p.session_id, s.user_id
FROM provider_grant g JOIN provider_session p USING (grant_id) JOIN user_session s USING (org_id, session_id)
WHERE g.provider_id = $1 AND s.lowest <= s.highest
  AND ($2::text IS NULL OR g.grant_id = $2) AND ($3::text IS NULL OR g.subject = $3)
  AND ($4::text IS NULL OR g.sid = $4)
ORDER BY s.user_id, p.session_id

-- name: clean_up
WITH gone AS (
    DELETE FROM provider_grant g
    WHERE g.made_at < now() - interval '1 day'
      AND NOT EXISTS (SELECT FROM provider_session p WHERE p.grant_id = g.grant_id)
)
DELETE FROM sign_in_request WHERE began_at < now() - interval '1 hour'
