-- name: add_challenge
INSERT INTO passkey_challenge (challenge_hash, purpose, user_id, session_id) VALUES ($1, $2, $3, $4)

-- name: use_challenge
-- Once, for what it was asked for, and by who asked.
DELETE FROM passkey_challenge
WHERE challenge_hash = $1 AND purpose = $2
  AND user_id IS NOT DISTINCT FROM $3 AND session_id IS NOT DISTINCT FROM $4
RETURNING expires_at > now() AS good

-- name: passkeys_of
-- Of an account, the oldest first.
SELECT * FROM passkey WHERE user_id = $1 ORDER BY created_at, passkey_id

-- name: count_passkeys
SELECT count(*) FROM passkey WHERE user_id = $1

-- name: passkey_by_credential
SELECT * FROM passkey WHERE credential_id = $1

-- name: add_passkey
-- Nothing for a credential that is there already.
INSERT INTO passkey (passkey_id, user_id, credential_id, credential, transports, name, sign_count)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (credential_id) DO NOTHING RETURNING *

-- name: use_passkey
-- Nothing when it is gone, or when its counter ($2) has not risen: then there are two of it.
UPDATE passkey SET sign_count = $2, used_at = now()
WHERE passkey_id = $1 AND ($2 > sign_count OR ($2 = 0 AND sign_count = 0))
RETURNING user_id

-- name: delete_passkey
DELETE FROM passkey WHERE passkey_id = $1 AND user_id = $2 RETURNING name

-- name: delete_passkeys_of
DELETE FROM passkey WHERE user_id = $1 RETURNING passkey_id

-- name: clean_up
DELETE FROM passkey_challenge WHERE expires_at < now()
