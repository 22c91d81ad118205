-- Secrets lie under a master key, which is a file beside the hub: a dump alone holds none of them. What
-- is there already is sealed by the first replica that has the file.

CREATE TABLE master_key (
    key_id      text PRIMARY KEY,
    check_value text NOT NULL,
    added_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE master_key IS 'The master keys under which something may lie. The keys themselves are in files.';
COMMENT ON COLUMN master_key.check_value IS 'Sealed under it: a hub whose file does not open this does not start.';

ALTER TABLE signing_key ALTER COLUMN private_key TYPE text USING 'plain.' || encode(private_key, 'base64');
COMMENT ON TABLE signing_key IS 'Ed25519 keys (32 raw bytes, in base64) of the token issuer; the newest signs, a retired one still verifies.';
COMMENT ON COLUMN signing_key.private_key IS 'Sealed by hub/base/vault.py.';

UPDATE account SET totp_secret = 'plain.' || totp_secret WHERE totp_secret IS NOT NULL;
COMMENT ON COLUMN account.totp_secret IS 'Sealed by hub/base/vault.py.';

UPDATE sign_in_provider SET secret = 'plain.' || secret WHERE secret IS NOT NULL;
COMMENT ON COLUMN sign_in_provider.secret IS 'The client''s secret, or the password to search with, sealed by hub/base/vault.py: read by nobody but the hub.';

UPDATE provider_grant SET refresh_token = 'plain.' || refresh_token WHERE refresh_token IS NOT NULL;
COMMENT ON COLUMN provider_grant.refresh_token IS 'Of the provider, sealed by hub/base/vault.py: shown to it to learn whether the person may still sign in.';

-- By the hash it is found, from the sealed value it is shown.
UPDATE setting
SET value = jsonb_build_object(
    'sealed', 'plain.' || (value #>> '{}'),
    'hash', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'))
WHERE name = 'enrollment_key' AND jsonb_typeof(value) = 'string';
