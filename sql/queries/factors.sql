-- name: set_totp
-- A secret that is to be confirmed; nothing where there is one that counts.
UPDATE account SET totp_secret = $2 WHERE user_id = $1 AND NOT totp_confirmed RETURNING user_id

-- name: totp
-- For whoever shows a code.
SELECT totp_secret, totp_confirmed, totp_step FROM account WHERE user_id = $1 FOR UPDATE

-- name: use_step
UPDATE account SET totp_step = $2 WHERE user_id = $1

-- name: confirm_totp
UPDATE account SET totp_confirmed = true, totp_step = $2 WHERE user_id = $1

-- name: remove_totp
WITH codes AS (DELETE FROM recovery_code WHERE user_id = $1)
UPDATE account SET totp_secret = NULL, totp_confirmed = false WHERE user_id = $1 AND totp_secret IS NOT NULL
RETURNING user_id

-- name: add_recovery_codes
INSERT INTO recovery_code (user_id, code_hash) SELECT $1, unnest($2::bytea[])

-- name: use_recovery_code
DELETE FROM recovery_code WHERE user_id = $1 AND code_hash = $2 RETURNING user_id

-- name: add_challenge
INSERT INTO sign_in_challenge (challenge_hash, org_id, user_id, by_cookie, by_provider) VALUES ($1, $2, $3, $4, $5)

-- name: try_challenge
-- One try more, of five; nothing for a challenge that is unknown, used up or has run out.
UPDATE sign_in_challenge SET tries = tries + 1
WHERE challenge_hash = $1 AND expires_at > now() AND tries < 5
RETURNING org_id, user_id, by_cookie, by_provider

-- name: end_challenge
DELETE FROM sign_in_challenge WHERE challenge_hash = $1

-- name: add_device_grant
INSERT INTO device_grant (code_hash, user_code, address) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING user_code

-- name: device_grant
-- One that waits for a person.
SELECT user_code, address, created_at FROM device_grant
WHERE user_code = $1 AND expires_at > now() AND NOT denied AND approved_by IS NULL

-- name: decide_device_grant
UPDATE device_grant SET denied = NOT $2::boolean,
       approved_by = CASE WHEN $2 THEN $3 END, approved_in = CASE WHEN $2 THEN $4 END,
       approved_session = CASE WHEN $2 THEN $5 END
WHERE user_code = $1 AND expires_at > now() AND NOT denied AND approved_by IS NULL
RETURNING user_code

-- name: poll_device_grant
-- What a program is told that asks; who asks too often waits five seconds longer from then on.
WITH asked AS (
    SELECT code_hash, expires_at <= now() AS expired, denied, approved_by, approved_in, approved_session,
           polled_at > now() - make_interval(secs => interval_s) AS too_fast
    FROM device_grant WHERE code_hash = $1 FOR UPDATE
), noted AS (
    UPDATE device_grant g SET polled_at = now(),
           interval_s = CASE WHEN a.too_fast THEN g.interval_s + 5 ELSE g.interval_s END
    FROM asked a WHERE g.code_hash = a.code_hash
)
SELECT expired, denied, approved_by, approved_in, approved_session, coalesce(too_fast, false) AS too_fast FROM asked

-- name: use_device_grant
DELETE FROM device_grant WHERE code_hash = $1 AND approved_by IS NOT NULL RETURNING code_hash

-- name: wrong_user_codes
-- How many a user has shown in ten minutes.
SELECT count(*) FROM login_attempt
WHERE name = 'device ' || $1 AND at > now() - interval '10 minutes'

-- name: note_user_code
INSERT INTO login_attempt (name, address, known, at) VALUES ('device ' || $1, '', false, now())

-- name: clean_up
WITH challenges AS (DELETE FROM sign_in_challenge WHERE expires_at < now())
DELETE FROM device_grant WHERE expires_at < now() - interval '1 hour'
