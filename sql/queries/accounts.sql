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

-- name: lock_setup
-- Take turns: replicas that start together in making what a fresh database lacks, administrators
-- in taking each other away.
SELECT pg_advisory_xact_lock(68194)

-- name: settings @org
SELECT name, value FROM setting WHERE org_id = $1

-- name: lock_guarded @org
-- What is weakened is compared with what is set: by one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('guarded ' || $1, 0))

-- name: put_setting @org
INSERT INTO setting (org_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value

-- name: living
SELECT org_id FROM org WHERE ended_at IS NULL ORDER BY org_id

-- name: enrolling_into
-- Whose enrolment key it is, by its SHA-256 in hex.
SELECT org_id FROM setting WHERE name = 'enrollment_key' AND value ->> 'hash' = $1

-- name: has_users
SELECT EXISTS (SELECT 1 FROM member WHERE org_id = $1)

-- name: other_admins
-- Whether there are enabled administrators besides one user, who can sign in without a provider.
SELECT EXISTS (
    SELECT 1 FROM role_binding b
    LEFT JOIN team_member t ON t.org_id = b.org_id AND t.team_id = b.subject_id AND b.subject_kind = 'team'
    JOIN member m ON m.org_id = b.org_id
        AND m.user_id = CASE b.subject_kind WHEN 'user' THEN b.subject_id ELSE t.user_id END
    JOIN account a ON a.user_id = m.user_id
    WHERE b.org_id = $1 AND b.role = 'ADMIN' AND b.scope_kind = 'org'
      AND NOT m.disabled AND a.password_hash IS NOT NULL AND m.user_id <> $2)

-- name: add_account
INSERT INTO account (user_id, username, display_name, password_hash, initial_password, instance_admin, last_org)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: add_member
-- Nothing for who is one already.
INSERT INTO member (org_id, user_id, kind) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING user_id

-- name: set_role
-- The built-in role of a member for the whole organisation: this one, or none for null.
WITH gone AS (
    DELETE FROM role_binding
    WHERE org_id = $1 AND subject_id = $2 AND subject_kind = 'user' AND scope_kind = 'org'
      AND role IN ('VIEWER', 'OPERATOR', 'MANAGER', 'ADMIN') AND role IS DISTINCT FROM $3::text
)
INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind)
SELECT $1, $4, $3, 'user', $2, 'org' WHERE $3 IS NOT NULL
ON CONFLICT DO NOTHING

-- name: account_for_login
-- The account of a name, where it signs in: in $1, or where it was last, or is a member longest.
SELECT m.org_id, m.user_id, m.kind, coalesce(a.username, a.display_name) AS username, a.display_name, member_role(m.org_id, m.user_id) AS role, m.disabled,
       a.initial_password, a.instance_admin, a.totp_confirmed, m.created_at,
       a.password_hash
FROM account a
JOIN LATERAL (
    SELECT m.* FROM member m JOIN org o USING (org_id)
    WHERE m.user_id = a.user_id AND m.kind = 'person' AND o.ended_at IS NULL
      AND ($1::text IS NULL OR m.org_id = $1)
    ORDER BY m.disabled, m.org_id IS NOT DISTINCT FROM a.last_org DESC, m.created_at
    LIMIT 1
) m ON true
WHERE lower(a.username) = lower($2)

-- name: organisations_of
SELECT o.* FROM member m JOIN org o USING (org_id)
WHERE m.user_id = $1 AND NOT m.disabled AND o.ended_at IS NULL
ORDER BY o.created_at, o.org_id

-- name: is_shared
-- Whether an account is a member of several organisations.
SELECT count(*) > 1 FROM member WHERE user_id = $1

-- name: user_by_id @org
SELECT m.org_id, m.user_id, m.kind, coalesce(a.username, a.display_name) AS username, a.display_name, member_role(m.org_id, m.user_id) AS role, m.disabled,
       a.initial_password, a.instance_admin, a.totp_confirmed, m.created_at
FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.user_id = $2

-- name: lock_user
-- The account, then the member; whoever locks a session has locked these.
SELECT m.org_id, m.user_id, m.kind, coalesce(a.username, a.display_name) AS username, a.display_name, member_role(m.org_id, m.user_id) AS role, m.disabled,
       a.initial_password, a.instance_admin, a.totp_confirmed, m.created_at,
       a.password_hash
FROM account a JOIN member m USING (user_id)
WHERE m.org_id = $1 AND a.user_id = $2
FOR UPDATE OF a, m

-- name: list_users @org
SELECT m.org_id, m.user_id, m.kind, coalesce(a.username, a.display_name) AS username, a.display_name, member_role(m.org_id, m.user_id) AS role, m.disabled,
       a.initial_password, a.instance_admin, a.totp_confirmed, m.created_at
FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.kind = 'person'
  AND (m.created_at, m.user_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY m.created_at DESC, m.user_id DESC
LIMIT $4

-- name: update_user
WITH person AS (
    UPDATE account SET display_name = $3, password_hash = coalesce($5, password_hash),
                       initial_password = $6
    WHERE user_id = $2
)
UPDATE member SET disabled = $4 WHERE org_id = $1 AND user_id = $2

-- name: delete_user
-- A member, what it was granted, and its account when it is a member of nothing else.
WITH bound AS (
    DELETE FROM role_binding WHERE org_id = $1 AND subject_id = $2 AND subject_kind IN ('user', 'service_account')
), keys AS (
    DELETE FROM role_binding b USING api_key k
    WHERE b.org_id = $1 AND k.org_id = $1 AND k.user_id = $2 AND b.subject_id = k.key_id
      AND b.subject_kind = 'api_key'
), gone AS (
    DELETE FROM member WHERE org_id = $1 AND user_id = $2 RETURNING user_id
)
DELETE FROM account a USING gone
WHERE a.user_id = gone.user_id
  AND NOT EXISTS (SELECT FROM member x WHERE x.user_id = a.user_id AND x.org_id <> $1)

-- name: preferences @org
SELECT value FROM user_preference WHERE org_id = $1 AND user_id = $2

-- name: put_preferences @org
INSERT INTO user_preference (org_id, user_id, value) VALUES ($1, $2, $3)
ON CONFLICT (org_id, user_id) DO UPDATE SET value = excluded.value

-- name: lock_attempts
-- Attempts on one name, and those from one address, are counted one after the other: $1 name, $2 address.
-- The name comes first for everybody.
SELECT pg_advisory_xact_lock(hashtextextended('name ' || lower($1), 0)),
       pg_advisory_xact_lock(hashtextextended('address ' || $2, 0))

-- name: reserve_attempt
-- An attempt to sign in, when there is room: $3 a minute for a name, apart for each address from which
-- that user has signed in before; $4 a minute from an address.
WITH who AS (
    SELECT EXISTS (
        SELECT 1 FROM login_address l JOIN account a USING (user_id)
        WHERE lower(a.username) = lower($1) AND l.address = $2) AS known
), recent AS (
    SELECT * FROM login_attempt
    WHERE at > clock_timestamp() - interval '1 minute' AND at <= clock_timestamp()
)
INSERT INTO login_attempt (name, address, known, at)
SELECT lower($1), $2, who.known, clock_timestamp() FROM who
WHERE $3 > (SELECT count(*) FROM recent r
            WHERE r.name = lower($1) AND r.known = who.known
              AND (r.address = $2 OR NOT who.known))
  AND $4 > (SELECT count(*) FROM recent r WHERE r.address = $2)
RETURNING attempt_id

-- name: forget_attempt
-- It was a good one.
DELETE FROM login_attempt WHERE attempt_id = $1

-- name: signed_in
-- From where a user signed in, the fifty newest are kept, and where to: $3 the organisation.
WITH old AS (
    DELETE FROM login_address l WHERE l.user_id = $1 AND l.address IN (
        SELECT address FROM login_address WHERE user_id = $1 ORDER BY used_at DESC OFFSET 49)
), place AS (
    UPDATE account SET last_org = $3 WHERE user_id = $1 AND last_org IS DISTINCT FROM $3
)
INSERT INTO login_address (user_id, address) VALUES ($1, $2)
ON CONFLICT (user_id, address) DO UPDATE SET used_at = now()

-- name: add_session
INSERT INTO user_session (org_id, session_id, user_id, expires_at, address, shown)
VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6)
RETURNING *

-- name: add_refresh_token
INSERT INTO refresh_token (token_hash, org_id, session_id, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: refresh_token
-- Whose it is; nothing is locked.
SELECT t.org_id, t.session_id, s.user_id
FROM refresh_token t JOIN user_session s USING (org_id, session_id)
WHERE t.token_hash = $1

-- name: browser_session
-- The session that a browser keeps a good refresh token of; the token is not used up.
SELECT s.org_id, s.session_id, s.user_id, a.username
FROM refresh_token t JOIN user_session s USING (org_id, session_id)
JOIN member m USING (org_id, user_id) JOIN account a USING (user_id)
WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > now()
  AND s.lowest <= s.highest AND s.ends_at > now() AND NOT m.disabled

-- name: lock_session
-- After its user, before its refresh tokens: everybody locks in this order. `check_due`: when the provider
-- that began it is to be asked again, in seconds since 1970.
SELECT *, lowest > highest OR ends_at <= now() AS ended,
       (SELECT extract(epoch FROM g.checked_at + interval '15 minutes')::float8
        FROM provider_session p JOIN provider_grant g USING (grant_id) JOIN sign_in_provider v USING (provider_id)
        WHERE p.org_id = $1 AND p.session_id = $2 AND (g.refresh_token IS NOT NULL OR v.kind = 'ldap'))
       AS check_due
FROM user_session
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

-- name: keep_sign_in
-- A session ($3, $4) that goes on from another ($1, $2); nothing when that has ended.
UPDATE user_session n SET authenticated_at = o.authenticated_at, ends_at = o.ends_at, shown = o.shown
FROM user_session o
WHERE o.org_id = $1 AND o.session_id = $2 AND o.lowest <= o.highest
  AND n.org_id = $3 AND n.session_id = $4
RETURNING n.session_id

-- name: authenticated @org
UPDATE user_session SET authenticated_at = now() WHERE org_id = $1 AND session_id = $2

-- name: has_shown @org
-- A session's user has shown this, too: $3, which stays shown.
UPDATE user_session SET shown = $3
WHERE org_id = $1 AND session_id = $2
  AND array_position(ARRAY['one_factor', 'second_factor', 'passkey'], $3) > array_position(ARRAY['one_factor', 'second_factor', 'passkey'], shown)
RETURNING session_id

-- name: shown_in @org
SELECT shown FROM user_session WHERE org_id = $1 AND session_id = $2

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

-- name: end_user
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
DELETE FROM ws_ticket t USING user_session s, member m, account a
WHERE t.ticket_hash = $1 AND t.opened_at IS NULL
  AND s.org_id = t.org_id AND s.session_id = t.session_id
  AND m.org_id = s.org_id AND m.user_id = s.user_id AND a.user_id = m.user_id
RETURNING t.org_id, t.session_id, t.token_expires_at, m.user_id, a.username, s.highest,
          t.expires_at > now() AND s.lowest <= s.highest AND s.ends_at > now() AND NOT m.disabled
          AS valid

-- name: open_by_ticket
-- A stream is opened by its ticket, or ($2) comes back by it, while its session lives.
UPDATE ws_ticket t SET opened_at = coalesce(t.opened_at, now())
FROM user_session s, member m, account a
WHERE t.ticket_hash = $1
  AND CASE WHEN t.opened_at IS NULL THEN t.expires_at > now()
           ELSE $2::boolean AND t.token_expires_at > now() END
  AND s.org_id = t.org_id AND s.session_id = t.session_id
  AND m.org_id = s.org_id AND m.user_id = s.user_id AND a.user_id = m.user_id
  AND s.lowest <= s.highest AND s.ends_at > now() AND NOT m.disabled
RETURNING t.org_id, t.session_id, t.token_expires_at, m.user_id, a.username, s.highest,
          true AS valid

-- name: add_api_key
INSERT INTO api_key (org_id, key_id, user_id, name, role, key_hash, expires_at, prefix)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING *

-- name: api_key_by_hash
SELECT k.*, m.kind, coalesce(a.username, a.display_name) AS owner
FROM api_key k JOIN member m USING (org_id, user_id) JOIN account a USING (user_id)
WHERE k.key_hash = $1 AND NOT m.disabled AND (k.expires_at IS NULL OR k.expires_at > now())

-- name: keys_used
-- When keys were used last, as a replica has seen it: $1 organisations, $2 ids.
UPDATE api_key k SET used_at = now() FROM unnest($1::text[], $2::text[]) AS u (org_id, key_id)
WHERE k.org_id = u.org_id AND k.key_id = u.key_id

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

-- name: count_api_keys
-- How many a user has; whoever makes one holds the lock on the user.
SELECT count(*) FROM api_key
WHERE org_id = $1 AND user_id = $2 AND (expires_at IS NULL OR expires_at > now())

-- name: delete_api_key @org
WITH bound AS (
    DELETE FROM role_binding WHERE org_id = $1 AND subject_id = $2 AND subject_kind = 'api_key'
)
DELETE FROM api_key WHERE org_id = $1 AND key_id = $2
RETURNING key_id, user_id, name

-- name: api_key_owner @org
SELECT user_id FROM api_key WHERE org_id = $1 AND key_id = $2

-- name: delete_keys_of
WITH gone AS (DELETE FROM api_key WHERE org_id = $1 AND user_id = $2 RETURNING key_id)
DELETE FROM role_binding b USING gone
WHERE b.org_id = $1 AND b.subject_id = gone.key_id AND b.subject_kind = 'api_key'

-- name: clean_up
-- What nobody can use any more. Revocations are for replicas that poll every two seconds.
WITH tickets AS (DELETE FROM ws_ticket WHERE expires_at < now()
                 AND (opened_at IS NULL OR token_expires_at < now())),
     attempts AS (DELETE FROM login_attempt WHERE at < now() - interval '1 hour'),
     invited AS (DELETE FROM invitation WHERE expires_at < now() - interval '30 days'),
     used AS (DELETE FROM refresh_token WHERE used_at < now() - interval '2 days'),
     revoked AS (DELETE FROM revocation WHERE made_at < now() - interval '1 day')
DELETE FROM user_session WHERE expires_at < now() - interval '1 day'
