-- Accounts are people of the installation, members are accounts in an organisation; what a member may do
-- is granted by bindings of roles.

ALTER TABLE org ADD COLUMN ended_at timestamptz;
COMMENT ON COLUMN org.ended_at IS 'Since then nobody is a member, and what it had is being emptied. The id is never used again.';

CREATE TABLE account (
    user_id          text PRIMARY KEY,
    username         text,
    display_name     text NOT NULL,
    password_hash    text,
    initial_password boolean NOT NULL DEFAULT false,
    instance_admin   boolean NOT NULL DEFAULT false,
    last_org         text,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX account_name ON account (lower(username));
COMMENT ON TABLE account IS 'A person of the installation, or a service account: that has no user name, and nobody signs in as it.';
COMMENT ON COLUMN account.initial_password IS 'Somebody or something else than the user made the password: the user is asked for another one.';
COMMENT ON COLUMN account.last_org IS 'Where the account signed in last, or was made.';

INSERT INTO account (user_id, username, display_name, password_hash, initial_password, last_org, created_at)
SELECT user_id, username, display_name, password_hash, initial_password, org_id, created_at FROM app_user;
UPDATE account SET instance_admin = true
WHERE user_id = (SELECT user_id FROM app_user WHERE role = 'ADMIN' ORDER BY created_at, user_id LIMIT 1);

DROP FUNCTION owner_role;
CREATE TABLE member (
    org_id     text NOT NULL REFERENCES org,
    user_id    text NOT NULL REFERENCES account,
    disabled   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    kind       text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service')),
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX member_account ON member (user_id);
CREATE INDEX member_recent ON member (org_id, kind, created_at DESC, user_id DESC);
COMMENT ON TABLE member IS 'An account in an organisation. What it may do there stands in role_binding.';

INSERT INTO member (org_id, user_id, disabled, created_at) SELECT org_id, user_id, disabled, created_at FROM app_user;
ALTER TABLE user_preference DROP CONSTRAINT user_preference_org_id_user_id_fkey,
    ADD FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE;
ALTER TABLE user_session DROP CONSTRAINT user_session_org_id_user_id_fkey,
    ADD FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE;
ALTER TABLE api_key DROP CONSTRAINT api_key_org_id_user_id_fkey,
    ADD FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE;

CREATE TABLE invitation (
    org_id        text NOT NULL REFERENCES org,
    invitation_id text NOT NULL,
    token_hash    bytea NOT NULL UNIQUE,
    username      text,
    role          text NOT NULL,
    made_by       text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (org_id, invitation_id)
);
CREATE INDEX invitation_recent ON invitation (org_id, created_at DESC, invitation_id DESC);

CREATE TABLE team (
    org_id     text NOT NULL REFERENCES org,
    team_id    text NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, team_id),
    UNIQUE (org_id, name)
);
CREATE INDEX team_recent ON team (org_id, created_at DESC, team_id DESC);

CREATE TABLE team_member (
    org_id  text NOT NULL,
    team_id text NOT NULL,
    user_id text NOT NULL,
    PRIMARY KEY (org_id, team_id, user_id),
    FOREIGN KEY (org_id, team_id) REFERENCES team ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE
);
CREATE INDEX team_member_user ON team_member (org_id, user_id);

CREATE TABLE custom_role (
    org_id     text NOT NULL REFERENCES org,
    name       text NOT NULL,
    rules      jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name)
);
COMMENT ON COLUMN custom_role.rules IS '[{"resources":[…],"verbs":[…],"names":[…]}]; the built-in roles stand in the code.';

CREATE TABLE role_binding (
    org_id       text NOT NULL REFERENCES org,
    binding_id   text NOT NULL,
    role         text NOT NULL,
    subject_kind text NOT NULL
                 CHECK (subject_kind IN ('user', 'team', 'api_key', 'service_account', 'group_claim')),
    subject_id   text NOT NULL,
    scope_kind   text NOT NULL CHECK (scope_kind IN ('org', 'group', 'device')),
    scope_id     text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, binding_id),
    UNIQUE (org_id, subject_id, subject_kind, role, scope_kind, scope_id)
);
CREATE INDEX role_binding_role ON role_binding (org_id, role);
CREATE INDEX role_binding_recent ON role_binding (org_id, created_at DESC, binding_id DESC);
CREATE INDEX role_binding_scope ON role_binding (org_id, scope_id) WHERE scope_kind <> 'org';
COMMENT ON TABLE role_binding IS 'Who has which role where. Rights add up, nothing denies.';

CREATE FUNCTION member_role(org text, id text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT b.role FROM role_binding b
        WHERE b.org_id = org AND b.scope_kind = 'org' AND b.role IN ('VIEWER', 'OPERATOR', 'MANAGER', 'ADMIN')
          AND ((b.subject_id = id AND b.subject_kind IN ('user', 'service_account'))
               OR (b.subject_kind = 'team' AND b.subject_id = ANY (ARRAY(
                   SELECT t.team_id FROM team_member t WHERE t.org_id = org AND t.user_id = id))))
        ORDER BY array_position(ARRAY['ADMIN', 'MANAGER', 'OPERATOR', 'VIEWER'], b.role) LIMIT 1), 'NONE')
$$;
COMMENT ON FUNCTION member_role IS 'The strongest built-in role that a member has for the whole organisation.';

INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind)
SELECT org_id, gen_random_uuid()::text, role, 'user', user_id, 'org' FROM app_user;

DROP TABLE login_attempt, login_address, app_user;
CREATE TABLE login_attempt (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    address    text NOT NULL,
    known      boolean NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_attempt_name ON login_attempt (name, at);
CREATE INDEX login_attempt_address ON login_attempt (address, at);
COMMENT ON TABLE login_attempt IS 'Each attempt, before the password is looked at; one that fits is taken out again.';
COMMENT ON COLUMN login_attempt.known IS 'The user has signed in from that address before.';

CREATE TABLE login_address (
    user_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    address text NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, address)
);
COMMENT ON TABLE login_address IS 'From where a user has signed in: strangers cannot lock these out.';

ALTER TABLE api_key DROP CONSTRAINT api_key_role_check,
    ADD CONSTRAINT api_key_role_check CHECK (role IN ('NONE', 'VIEWER', 'OPERATOR', 'MANAGER', 'ADMIN'));
ALTER TABLE revocation DROP CONSTRAINT revocation_kind_check,
    ADD CONSTRAINT revocation_kind_check CHECK (kind IN ('session', 'user', 'device', 'signing_key', 'rights'));
COMMENT ON COLUMN revocation.subject IS 'user_id/session_id of a session; of rights a user, a key, or * for all of the organisation; else the id.';

CREATE FUNCTION longline_groups() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('longline.groups')::text[] $$;
COMMENT ON FUNCTION longline_groups IS 'The groups of devices that a scoped transaction sees; an error when that was not set.';

CREATE FUNCTION longline_devices() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('longline.devices')::text[] $$;
COMMENT ON FUNCTION longline_devices IS 'The devices that a scoped transaction sees beside them; an error when that was not set.';

CREATE FUNCTION empty_organisation(org text, most integer) RETURNS bigint
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
        'ws_ticket', 'refresh_token', 'user_preference', 'user_session', 'api_key', 'team_member', 'role_binding',
        'invitation', 'custom_role', 'team', 'member', 'device_group_config', 'device_group_member',
        'device_group', 'device_section', 'device_config', 'device_config_history', 'config_hidden',
        'config_schema', 'idempotency_key', 'campaign_device', 'campaign', 'penalty_cleared', 'command',
        'command_description', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
        'device_line', 'device_state', 'firmware_key', 'job', 'rollup_mark', 'setting', 'device'] LOOP
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
COMMENT ON FUNCTION empty_organisation IS 'Deletes so many rows of one table of an organisation that has ended; how many. 0 when nothing is left but what goes with its partitions, and the audit.';
