-- name: signing_keys
-- Newest first; the first one signs.
SELECT kid, private_key FROM signing_key ORDER BY retired_at IS NOT NULL, created_at DESC

-- name: revoke_signing_keys
-- All keys but one are gone: nothing that they signed is good.
WITH gone AS (DELETE FROM signing_key WHERE kid <> $1 RETURNING kid)
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT $2, 'signing_key', kid, 1, 0 FROM gone

-- name: installation
SELECT installation_id FROM installation

-- name: add_signing_key
INSERT INTO signing_key (kid, private_key) VALUES ($1, $2)

-- name: retire_signing_keys
-- Retired keys verify what they signed; after the longest life of a token they are of no use.
WITH gone AS (DELETE FROM signing_key WHERE retired_at < now() - make_interval(secs => $2))
UPDATE signing_key SET retired_at = now() WHERE kid <> $1 AND retired_at IS NULL

-- name: lock_setup @org
-- Take turns: replicas that start together in making what a fresh database lacks, administrators
-- in taking each other away.
SELECT pg_advisory_xact_lock(68194)

-- name: settings @org
SELECT name, value FROM setting WHERE org_id = $1

-- name: put_setting @org
INSERT INTO setting (org_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value

-- name: has_users
SELECT EXISTS (SELECT 1 FROM app_user WHERE org_id = $1)

-- name: other_admins @org
-- Whether there are enabled administrators besides one user.
SELECT EXISTS (SELECT 1 FROM app_user
               WHERE org_id = $1 AND role = 'ADMIN' AND NOT disabled AND user_id <> $2)

-- name: add_user @org
INSERT INTO app_user (org_id, user_id, username, display_name, role, password_hash, initial_password)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *

-- name: user_by_name
SELECT * FROM app_user WHERE org_id = $1 AND lower(username) = lower($2)

-- name: user_by_id @org
SELECT * FROM app_user WHERE org_id = $1 AND user_id = $2

-- name: lock_user @org
SELECT * FROM app_user WHERE org_id = $1 AND user_id = $2 FOR UPDATE

-- name: list_users @org
SELECT * FROM app_user
WHERE org_id = $1
  AND (created_at, user_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, user_id DESC
LIMIT $4

-- name: update_user @org
UPDATE app_user SET display_name = $3, role = $4, disabled = $5, password_hash = $6,
                    initial_password = $7
WHERE org_id = $1 AND user_id = $2
RETURNING *

-- name: delete_user @org
DELETE FROM app_user WHERE org_id = $1 AND user_id = $2

-- name: preferences @org
SELECT value FROM user_preference WHERE org_id = $1 AND user_id = $2

-- name: put_preferences @org
INSERT INTO user_preference (org_id, user_id, value) VALUES ($1, $2, $3)
ON CONFLICT (org_id, user_id) DO UPDATE SET value = excluded.value

-- name: lock_attempts
-- Attempts on one name, and those from one address, are counted one after the other: $1 organisation,
-- $2 name, $3 address. The name comes first for everybody.
SELECT pg_advisory_xact_lock(hashtextextended('name ' || $1 || ' ' || lower($2), 0)),
       pg_advisory_xact_lock(hashtextextended('address ' || $3, 0))

-- name: reserve_attempt
-- An attempt to sign in, when there is room: $4 a minute for a name, apart for each address from which
-- that user has signed in before; $5 a minute from an address.
WITH who AS (
    SELECT EXISTS (
        SELECT 1 FROM login_address a JOIN app_user u USING (org_id, user_id)
        WHERE u.org_id = $1 AND lower(u.username) = lower($2) AND a.address = $3) AS known
), recent AS (
    SELECT * FROM login_attempt
    WHERE at > clock_timestamp() - interval '1 minute' AND at <= clock_timestamp()
)
INSERT INTO login_attempt (org_id, name, address, known, at)
SELECT $1, lower($2), $3, who.known, clock_timestamp() FROM who
WHERE $4 > (SELECT count(*) FROM recent r
            WHERE r.org_id = $1 AND r.name = lower($2) AND r.known = who.known
              AND (r.address = $3 OR NOT who.known))
  AND $5 > (SELECT count(*) FROM recent r WHERE r.address = $3)
RETURNING attempt_id

-- name: forget_attempt
-- It was a good one.
DELETE FROM login_attempt WHERE attempt_id = $1

-- name: note_address
-- From where a user signed in; the fifty newest are kept.
WITH old AS (
    DELETE FROM login_address a WHERE a.org_id = $1 AND a.user_id = $2 AND a.address IN (
        SELECT address FROM login_address WHERE org_id = $1 AND user_id = $2
        ORDER BY used_at DESC OFFSET 49)
)
INSERT INTO login_address (org_id, user_id, address) VALUES ($1, $2, $3)
ON CONFLICT (org_id, user_id, address) DO UPDATE SET used_at = now()

-- name: add_session
INSERT INTO user_session (org_id, session_id, user_id, expires_at, address)
VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5)
RETURNING *

-- name: add_refresh_token
INSERT INTO refresh_token (token_hash, org_id, session_id, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: refresh_token
-- Whose it is; nothing is locked.
SELECT t.org_id, t.session_id, s.user_id
FROM refresh_token t JOIN user_session s USING (org_id, session_id)
WHERE t.token_hash = $1

-- name: lock_session
-- After its user, before its refresh tokens: everybody locks in this order.
SELECT *, lowest > highest OR ends_at <= now() AS ended FROM user_session
WHERE org_id = $1 AND session_id = $2
FOR UPDATE

-- name: lock_refresh_token
SELECT used_at IS NOT NULL AS used, expires_at <= now() AS expired
FROM refresh_token WHERE token_hash = $1
FOR UPDATE

-- name: use_refresh_token
UPDATE refresh_token SET used_at = now() WHERE token_hash = $1

-- name: extend_session
UPDATE user_session SET expires_at = least(now() + make_interval(secs => $3), ends_at), used_at = now()
WHERE org_id = $1 AND session_id = $2

-- name: sessions @org
-- Those of a user that have not ended, the newest first.
SELECT * FROM user_session
WHERE org_id = $1 AND user_id = $2 AND lowest <= highest AND least(expires_at, ends_at) > now()
ORDER BY created_at DESC, session_id DESC

-- name: session_owner @org
SELECT user_id FROM user_session WHERE org_id = $1 AND session_id = $2 AND lowest <= highest

-- name: session_standing
-- What counts for an access token: the session, and that it is this user's.
SELECT lowest, highest FROM user_session WHERE org_id = $1 AND user_id = $2 AND session_id = $3

-- name: device_standing
SELECT lowest, highest FROM device WHERE org_id = $1 AND device_id = $2

-- name: adopt_version
-- A line goes on with a newer token: earlier ones end. Nothing when that token is not good.
WITH present AS (
    SELECT org_id, device_id FROM device
    WHERE org_id = $1 AND device_id = $2 AND NOT disabled AND deleted_at IS NULL
      AND $3 BETWEEN lowest AND highest
    FOR UPDATE
), changed AS (
    UPDATE device d SET lowest = $3 FROM present p
    WHERE d.org_id = p.org_id AND d.device_id = p.device_id AND d.lowest < $3
    RETURNING d.org_id, d.device_id, d.lowest, d.highest
), noted AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT org_id, 'device', device_id, lowest, highest FROM changed
)
SELECT device_id FROM present

-- name: authenticated_recently @org
-- Whether a session's user has shown more than a token within $3 seconds.
SELECT now() - authenticated_at BETWEEN interval '0' AND make_interval(secs => $3)
FROM user_session WHERE org_id = $1 AND session_id = $2

-- name: authenticated @org
UPDATE user_session SET authenticated_at = now() WHERE org_id = $1 AND session_id = $2

-- name: end_sessions @org
-- One session, or all of a user's.
WITH mine AS (
    SELECT org_id, session_id FROM user_session
    WHERE org_id = $1 AND lowest <= highest AND (session_id = $2 OR user_id = $3)
    ORDER BY session_id
    FOR UPDATE
), ended AS (
    UPDATE user_session s SET ended_at = now(), lowest = s.highest + 1
    FROM mine m WHERE s.org_id = m.org_id AND s.session_id = m.session_id
    RETURNING s.user_id || '/' || s.session_id AS subject, s.lowest, s.highest
)
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT $1, 'session', subject, lowest, highest FROM ended

-- name: end_user @org
-- For the sockets of a user who may not come back.
INSERT INTO revocation (org_id, kind, subject, lowest, highest) VALUES ($1, 'user', $2, 1, 0)

-- name: changes
-- What replicas that are at work have to know. $1: the oldest transaction that was in progress at the
-- last look, null at the first; `horizon` is the next $1. So nothing is missed, however late it
-- commits, and no clock takes part. One row without a subject when there is nothing.
SELECT h.horizon, h.now, r.org_id, r.kind, r.subject, r.lowest, r.highest
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
             extract(epoch FROM clock_timestamp())::float8 AS now) h
LEFT JOIN revocation r ON r.made_in >= $1::text::xid8
ORDER BY r.revocation_id

-- name: add_ticket @org
INSERT INTO ws_ticket (ticket_hash, org_id, session_id, expires_at, token_expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4), to_timestamp($5))

-- name: redeem_ticket
-- Once, and only while its session lives.
DELETE FROM ws_ticket t USING user_session s, app_user u
WHERE t.ticket_hash = $1
  AND s.org_id = t.org_id AND s.session_id = t.session_id
  AND u.org_id = s.org_id AND u.user_id = s.user_id
RETURNING t.org_id, t.session_id, t.token_expires_at, u.user_id, u.username, u.role, s.highest,
          t.expires_at > now() AND s.lowest <= s.highest AND s.ends_at > now() AND NOT u.disabled
          AS valid

-- name: add_api_key @org
INSERT INTO api_key (org_id, key_id, user_id, name, role, key_hash, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *

-- name: api_key_by_hash
SELECT k.*, u.username FROM api_key k JOIN app_user u USING (org_id, user_id)
WHERE k.key_hash = $1 AND NOT u.disabled AND (k.expires_at IS NULL OR k.expires_at > now())

-- name: list_api_keys @org
-- $2 of one user, $3 one key; null is all. One branch runs.
SELECT * FROM ((
    SELECT * FROM api_key
    WHERE $2::text IS NULL AND $3::text IS NULL AND org_id = $1
      AND (created_at, key_id) < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT coalesce($5, '')))
    ORDER BY created_at DESC, key_id DESC LIMIT $6::bigint
) UNION ALL (
    SELECT * FROM api_key
    WHERE user_id = $2 AND $3 IS NULL AND org_id = $1
      AND (created_at, key_id) < ((SELECT coalesce($4, 'infinity')), (SELECT coalesce($5, '')))
    ORDER BY created_at DESC, key_id DESC LIMIT $6
) UNION ALL (
    SELECT * FROM api_key
    WHERE key_id = $3 AND org_id = $1 AND ($2 IS NULL OR user_id = $2)
      AND (created_at, key_id) < ((SELECT coalesce($4, 'infinity')), (SELECT coalesce($5, '')))
)) api_key
ORDER BY created_at DESC, key_id DESC
LIMIT $6

-- name: count_api_keys @org
-- How many a user has; whoever makes one holds the lock on the user.
SELECT count(*) FROM api_key
WHERE org_id = $1 AND user_id = $2 AND (expires_at IS NULL OR expires_at > now())

-- name: delete_api_key @org
DELETE FROM api_key WHERE org_id = $1 AND key_id = $2
RETURNING key_id, user_id, name

-- name: api_key_owner @org
SELECT user_id FROM api_key WHERE org_id = $1 AND key_id = $2

-- name: delete_keys_of @org
DELETE FROM api_key WHERE org_id = $1 AND user_id = $2

-- name: delete_keys_above @org
-- A user who may do less keeps no key that may do more.
DELETE FROM api_key WHERE org_id = $1 AND user_id = $2 AND role = ANY($3::text[])

-- name: clean_up
-- What nobody can use any more. Revocations are for replicas that poll every two seconds.
WITH tickets AS (DELETE FROM ws_ticket WHERE expires_at < now()),
     attempts AS (DELETE FROM login_attempt WHERE at < now() - interval '1 hour'),
     used AS (DELETE FROM refresh_token WHERE used_at < now() - interval '2 days'),
     revoked AS (DELETE FROM revocation WHERE made_at < now() - interval '1 day')
DELETE FROM user_session WHERE expires_at < now() - interval '1 day'
