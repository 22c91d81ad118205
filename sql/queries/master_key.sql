-- name: keys
-- Those under which something may lie.
SELECT key_id, check_value FROM master_key ORDER BY added_at, key_id

-- name: lock_keys
-- Take turns in saying which master keys there are.
SELECT pg_advisory_xact_lock(68195)

-- name: add_key
INSERT INTO master_key (key_id, check_value) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: delete_key
DELETE FROM master_key WHERE key_id = $1

-- name: kept
-- All that the hub seals, but for what lies under one master key ($1, how that begins): a page, in the order
-- of kind and row behind $2 and $3. Each kind has a statement below that puts it anew.
SELECT kind, id, stored FROM (
    SELECT 'account' AS kind, user_id AS id, totp_secret AS stored FROM account
    UNION ALL SELECT 'certificate_authority', ca_id, private_key FROM certificate_authority
    UNION ALL SELECT 'enrollment_key', org_id, value ->> 'sealed' FROM setting WHERE name = 'enrollment_key'
    UNION ALL SELECT 'provider_grant', grant_id, refresh_token FROM provider_grant
    UNION ALL SELECT 'secret', org_id || '/' || name, sealed FROM secret
    UNION ALL SELECT 'secret_version', org_id || '/' || name || '/' || version, sealed FROM secret_version
    UNION ALL SELECT 'registry', org_id || '/' || name, sealed FROM registry
    UNION ALL SELECT 'sign_in_provider', provider_id, secret FROM sign_in_provider
    UNION ALL SELECT 'signing_key', kid, private_key FROM signing_key
    UNION ALL SELECT 'webhook', org_id || '/' || webhook_id, sealed FROM webhook
) AS kept
WHERE stored IS NOT NULL AND NOT starts_with(stored, $1) AND (kind, id) > ($2, $3)
ORDER BY kind, id LIMIT 500

-- name: put_signing_key
UPDATE signing_key SET private_key = $3 WHERE kid = $1 AND private_key = $2
RETURNING 1

-- name: put_account
UPDATE account SET totp_secret = $3 WHERE user_id = $1 AND totp_secret = $2
RETURNING 1

-- name: put_certificate_authority
UPDATE certificate_authority SET private_key = $3 WHERE ca_id = $1 AND private_key = $2
RETURNING 1

-- name: put_sign_in_provider
UPDATE sign_in_provider SET secret = $3 WHERE provider_id = $1 AND secret = $2
RETURNING 1

-- name: put_provider_grant
UPDATE provider_grant SET refresh_token = $3 WHERE grant_id = $1 AND refresh_token = $2
RETURNING 1

-- name: put_enrollment_key
UPDATE setting SET value = jsonb_set(value, '{sealed}', to_jsonb($3::text))
WHERE org_id = $1 AND name = 'enrollment_key' AND value ->> 'sealed' = $2
RETURNING 1

-- name: put_secret
UPDATE secret SET sealed = $3 WHERE org_id = split_part($1, '/', 1) AND name = split_part($1, '/', 2) AND sealed = $2
RETURNING 1

-- name: put_secret_version
UPDATE secret_version SET sealed = $3
WHERE org_id = split_part($1, '/', 1) AND name = split_part($1, '/', 2)
  AND version = split_part($1, '/', 3)::bigint AND sealed = $2
RETURNING 1

-- name: put_registry
UPDATE registry SET sealed = $3 WHERE org_id = split_part($1, '/', 1) AND name = split_part($1, '/', 2) AND sealed = $2
RETURNING 1

-- name: put_webhook
UPDATE webhook SET sealed = $3 WHERE org_id = split_part($1, '/', 1) AND webhook_id = split_part($1, '/', 2) AND sealed = $2
RETURNING 1
