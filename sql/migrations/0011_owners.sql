-- What waits has the rights that its owner has when it acts.

ALTER TABLE command ADD COLUMN owner_kind text NOT NULL DEFAULT 'hub';
ALTER TABLE command ADD COLUMN owner_id text NOT NULL DEFAULT '';
ALTER TABLE command ADD COLUMN owner_key text;
COMMENT ON COLUMN command.owner_id IS 'The user (also of an API key) whose rights count when it is sent.';
COMMENT ON COLUMN command.owner_key IS 'The API key; its end is the end of those rights.';

ALTER TABLE campaign ADD COLUMN owner_kind text NOT NULL DEFAULT 'hub';
ALTER TABLE campaign ADD COLUMN owner_id text NOT NULL DEFAULT '';
ALTER TABLE campaign ADD COLUMN owner_key text;
COMMENT ON COLUMN campaign.owner_id IS 'The user (also of an API key) whose rights count when it sends.';

CREATE FUNCTION owner_role(org text, kind text, id text, key text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE kind
        WHEN 'hub' THEN 'ADMIN'
        WHEN 'user' THEN (SELECT u.role FROM app_user u
                          WHERE u.org_id = org AND u.user_id = id AND NOT u.disabled)
        WHEN 'api_key' THEN (SELECT k.role FROM api_key k JOIN app_user u USING (org_id, user_id)
                             WHERE k.org_id = org AND k.key_id = key AND k.user_id = id
                               AND NOT u.disabled AND (k.expires_at IS NULL OR k.expires_at > now()))
    END
$$;
COMMENT ON FUNCTION owner_role IS 'The role that whoever asked for something has at this moment; null for somebody who is gone or disabled.';
