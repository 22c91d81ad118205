-- By what people know an API key, and whether it is in use.

ALTER TABLE api_key
    ADD COLUMN prefix  text NOT NULL DEFAULT '',
    ADD COLUMN used_at timestamptz;
COMMENT ON COLUMN api_key.prefix IS 'How the secret begins, so that people find it where they keep it.';
COMMENT ON COLUMN api_key.used_at IS 'As of late: written once a minute at most.';
