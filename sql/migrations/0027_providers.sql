-- Signing in by others: OpenID Connect and LDAP.

CREATE TABLE sign_in_provider (
    provider_id text PRIMARY KEY,
    org_id      text REFERENCES org,
    kind        text NOT NULL CHECK (kind IN ('oidc', 'ldap')),
    name        text NOT NULL,
    settings    jsonb NOT NULL,
    secret      text,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_provider_org ON sign_in_provider (org_id);
COMMENT ON TABLE sign_in_provider IS 'Who says of people who they are; without an organisation: for all of the installation.';
COMMENT ON COLUMN sign_in_provider.secret IS 'The client''s secret, or the password to search with: read by nobody but the hub.';

CREATE TABLE sign_in_identity (
    provider_id text NOT NULL REFERENCES sign_in_provider ON DELETE CASCADE,
    issuer      text NOT NULL,
    subject     text NOT NULL,
    user_id     text NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider_id, issuer, subject)
);
CREATE INDEX sign_in_identity_user ON sign_in_identity (user_id);
COMMENT ON TABLE sign_in_identity IS 'Whose account it is that a provider names: never found by a name or an address.';

CREATE TABLE sign_in_request (
    state_hash   bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    provider_id  text NOT NULL REFERENCES sign_in_provider ON DELETE CASCADE,
    purpose      text NOT NULL CHECK (purpose IN ('sign_in', 'link', 'reauthenticate')),
    nonce        text NOT NULL,
    verifier     text NOT NULL,
    return_to    text NOT NULL,
    org_id       text,
    user_id      text,
    session_id   text,
    began_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sign_in_request IS 'A browser that was sent to a provider, for ten minutes.';

CREATE TABLE provider_grant (
    grant_id      text PRIMARY KEY,
    provider_id   text NOT NULL REFERENCES sign_in_provider ON DELETE CASCADE,
    issuer        text NOT NULL,
    subject       text NOT NULL,
    sid           text,
    groups        text[] NOT NULL,
    refresh_token text,
    checked_at    timestamptz NOT NULL DEFAULT now(),
    made_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provider_grant_subject ON provider_grant (provider_id, subject);
COMMENT ON TABLE provider_grant IS 'What a provider said when somebody signed in by it.';
COMMENT ON COLUMN provider_grant.sid IS 'The session as the provider calls it, when it ends it.';
COMMENT ON COLUMN provider_grant.refresh_token IS 'Of the provider: shown to it to learn whether the person may still sign in.';

CREATE TABLE provider_session (
    org_id     text NOT NULL,
    session_id text NOT NULL,
    grant_id   text NOT NULL REFERENCES provider_grant ON DELETE CASCADE,
    PRIMARY KEY (org_id, session_id),
    FOREIGN KEY (org_id, session_id) REFERENCES user_session ON DELETE CASCADE
);
CREATE INDEX provider_session_grant ON provider_session (grant_id);
COMMENT ON TABLE provider_session IS 'The sessions that began with it: the first, and those in other organisations that went on from there.';

ALTER TABLE sign_in_challenge ADD COLUMN by_provider jsonb;
COMMENT ON COLUMN sign_in_challenge.by_provider IS 'What a provider said, when it was no password of ours that was shown.';

CREATE OR REPLACE FUNCTION empty_organisation(org text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    each  text;
    count bigint;
BEGIN
    IF most NOT BETWEEN 1 AND 10000
       OR NOT EXISTS (SELECT FROM org o WHERE o.org_id = org AND o.ended_at IS NOT NULL) THEN
        RAISE 'only an organisation that has ended is emptied, step by step';
    END IF;
    FOREACH each IN ARRAY ARRAY[
        'ws_ticket', 'refresh_token', 'user_preference', 'user_session', 'sign_in_provider', 'api_key', 'team_member', 'role_binding',
        'invitation', 'custom_role', 'team', 'member', 'device_group_config', 'device_group_member',
        'device_group', 'device_section', 'device_config', 'device_config_history', 'config_hidden',
        'config_schema', 'idempotency_key', 'campaign_device', 'campaign', 'penalty_cleared', 'command',
        'command_description', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
        'device_line', 'device_state', 'firmware_key', 'job', 'rollup_mark', 'setting', 'usage_day', 'device'] LOOP
        EXECUTE format('DELETE FROM public.%1$I WHERE (tableoid, ctid) IN (
                            SELECT tableoid, ctid FROM public.%1$I WHERE org_id = $1 LIMIT $2)', each)
            USING org, most;
        GET DIAGNOSTICS count = ROW_COUNT;
        IF count > 0 THEN
            RETURN count;
        END IF;
    END LOOP;
    RETURN 0;
END $$;
