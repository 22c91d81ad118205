-- name: command_keys_of
-- Of an account, the oldest first.
SELECT * FROM command_key WHERE user_id = $1 ORDER BY created_at, command_key_id

-- name: count_command_keys
SELECT count(*) FROM command_key WHERE user_id = $1

-- name: add_command_key
-- Nothing for a key that the account has already.
INSERT INTO command_key (command_key_id, user_id, name, public_key) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, public_key) DO NOTHING RETURNING *

-- name: delete_command_key
DELETE FROM command_key WHERE command_key_id = $1 AND user_id = $2 RETURNING *
