-- The present state of the database. A test proves it equal to the sum of the migrations.
--
-- Every tenant-owned table starts with org_id. Times are the database's clock. Telemetry is
-- partitioned by the hub's time of receipt, so that retention drops tables instead of rows.

-- Whose data it is, and who may see it ---------------------------------------------------------

CREATE TABLE org (
    org_id     text PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    timezone   text NOT NULL DEFAULT 'UTC'
);
COMMENT ON COLUMN org.ended_at IS 'Since then nobody is a member, and what it had is being emptied. The id is never used again.';
INSERT INTO org (org_id, name) VALUES ('default', 'Default organisation');

CREATE FUNCTION longline_org() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    org CONSTANT text := current_setting('longline.org', true);
BEGIN
    IF org IS NULL OR org = '' THEN
        RAISE insufficient_privilege USING MESSAGE = 'this transaction is of no organisation';
    END IF;
    RETURN org;
END $$;
COMMENT ON FUNCTION longline_org IS 'Whose transaction this is; an error when that was not set, so that a lost setting is never an empty answer.';

CREATE FUNCTION longline_groups() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('longline.groups')::text[] $$;
COMMENT ON FUNCTION longline_groups IS 'The groups of devices that a scoped transaction sees; an error when that was not set.';

CREATE FUNCTION longline_devices() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('longline.devices')::text[] $$;
COMMENT ON FUNCTION longline_devices IS 'The devices that a scoped transaction sees beside them; an error when that was not set.';

CREATE FUNCTION longline_caller() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('longline.caller') $$;
COMMENT ON FUNCTION longline_caller IS 'The user for whom a scoped transaction is; an error when that was not set.';

CREATE TABLE installation (
    installation_id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    incarnation     bigint NOT NULL DEFAULT 0
);
INSERT INTO installation DEFAULT VALUES;
COMMENT ON TABLE installation IS 'One row: which installation this database is; the issuer of its tokens.';

CREATE TABLE setting (
    org_id text NOT NULL REFERENCES org,
    name   text NOT NULL,
    value  jsonb NOT NULL,
    PRIMARY KEY (org_id, name)
);
COMMENT ON TABLE setting IS 'What replicas share and an administrator may change: enrolment key, auto-enrolment.';

CREATE TABLE master_key (
    key_id      text PRIMARY KEY,
    check_value text NOT NULL,
    added_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE master_key IS 'The master keys under which something may lie. The keys themselves are in files.';
COMMENT ON COLUMN master_key.check_value IS 'Sealed under it: a hub whose file does not open this does not start.';

CREATE TABLE signing_key (
    kid         text PRIMARY KEY,
    private_key text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz
);
COMMENT ON TABLE signing_key IS 'Ed25519 keys (32 raw bytes, in base64) of the token issuer; the newest signs, a retired one still verifies.';
COMMENT ON COLUMN signing_key.private_key IS 'Sealed by hub/base/vault.py.';

CREATE TABLE account (
    user_id          text PRIMARY KEY,
    username         text,
    display_name     text NOT NULL,
    password_hash    text,
    initial_password boolean NOT NULL DEFAULT false,
    instance_admin   boolean NOT NULL DEFAULT false,
    last_org         text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    totp_secret      text,
    totp_confirmed   boolean NOT NULL DEFAULT false,
    totp_step        bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX account_name ON account (lower(username));
COMMENT ON TABLE account IS 'A person of the installation, or a service account: that has no user name, and nobody signs in as it.';
COMMENT ON COLUMN account.initial_password IS 'Somebody or something else than the user made the password: the user is asked for another one.';
COMMENT ON COLUMN account.last_org IS 'Where the account signed in last, or was made.';
COMMENT ON COLUMN account.totp_secret IS 'Sealed by hub/base/vault.py.';
COMMENT ON COLUMN account.totp_confirmed IS 'The secret has been shown to work: from then on signing in asks for a code.';
COMMENT ON COLUMN account.totp_step IS 'The last step of time whose code was used: each counts once.';

CREATE TABLE recovery_code (
    user_id   text NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
COMMENT ON TABLE recovery_code IS 'Each signs in once in place of a code; a used one is gone.';

CREATE TABLE sign_in_challenge (
    challenge_hash bytea PRIMARY KEY,
    org_id         text NOT NULL REFERENCES org,
    user_id        text NOT NULL REFERENCES account ON DELETE CASCADE,
    by_cookie      boolean NOT NULL,
    tries          integer NOT NULL DEFAULT 0,
    expires_at     timestamptz NOT NULL DEFAULT now() + interval '5 minutes',
    by_provider    jsonb
);
COMMENT ON TABLE sign_in_challenge IS 'Somebody has shown the password, and owes the second factor.';
COMMENT ON COLUMN sign_in_challenge.by_provider IS 'What a provider said, when it was no password of ours that was shown.';

CREATE TABLE passkey (
    passkey_id    text PRIMARY KEY,
    user_id       text NOT NULL REFERENCES account ON DELETE CASCADE,
    credential_id bytea NOT NULL UNIQUE,
    credential    bytea NOT NULL,
    transports    text[] NOT NULL DEFAULT '{}',
    name          text NOT NULL,
    sign_count    bigint NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz
);
CREATE INDEX passkey_user ON passkey (user_id);
COMMENT ON TABLE passkey IS 'Public keys of people: each signs in by itself.';
COMMENT ON COLUMN passkey.credential IS 'The attested credential data (WebAuthn, 6.5.2): the id and the public key.';
COMMENT ON COLUMN passkey.sign_count IS 'As the authenticator said it last; it only rises, or stays 0.';

CREATE TABLE command_key (
    command_key_id text PRIMARY KEY,
    user_id        text NOT NULL REFERENCES account ON DELETE CASCADE,
    name           text NOT NULL,
    public_key     bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, public_key)
);
COMMENT ON TABLE command_key IS 'By which people sign commands outside the hub. Whom a device trusts stands in its own file.';
COMMENT ON COLUMN command_key.public_key IS 'Ed25519, 32 bytes.';

CREATE TABLE passkey_challenge (
    challenge_hash bytea PRIMARY KEY,
    purpose        text NOT NULL CHECK (purpose IN ('register', 'sign_in', 'reauthenticate')),
    user_id        text REFERENCES account ON DELETE CASCADE,
    session_id     text,
    expires_at     timestamptz NOT NULL DEFAULT now() + interval '5 minutes'
);
COMMENT ON TABLE passkey_challenge IS 'What a passkey is to sign, once.';
COMMENT ON COLUMN passkey_challenge.session_id IS 'Of who asked, where a session did: for it alone.';

CREATE TABLE device_grant (
    code_hash        bytea PRIMARY KEY,
    user_code        text NOT NULL UNIQUE,
    address          text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL DEFAULT now() + interval '10 minutes',
    interval_s       integer NOT NULL DEFAULT 5,
    polled_at        timestamptz,
    denied           boolean NOT NULL DEFAULT false,
    approved_by      text REFERENCES account ON DELETE CASCADE,
    approved_in      text REFERENCES org,
    approved_session text
);
COMMENT ON TABLE device_grant IS 'A program without a browser that wants to be signed in (RFC 8628).';

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

CREATE TABLE user_preference (
    org_id  text NOT NULL,
    user_id text NOT NULL,
    value   jsonb NOT NULL,
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE
);
COMMENT ON TABLE user_preference IS 'What the console keeps for a user, such as saved views: one JSON object.';

CREATE TABLE user_session (
    org_id           text NOT NULL,
    session_id       text NOT NULL,
    user_id          text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    lowest           bigint NOT NULL DEFAULT 0,
    highest          bigint NOT NULL DEFAULT 0,
    ends_at          timestamptz NOT NULL DEFAULT now() + interval '90 days',
    authenticated_at timestamptz NOT NULL DEFAULT now(),
    used_at          timestamptz NOT NULL DEFAULT now(),
    address          text,
    shown            text NOT NULL DEFAULT 'one_factor' CHECK (shown IN ('one_factor', 'second_factor', 'passkey')),
    PRIMARY KEY (org_id, session_id),
    FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE
);
CREATE INDEX user_session_user ON user_session (org_id, user_id);
COMMENT ON COLUMN user_session.lowest IS 'Tokens of the session with a version from lowest to highest are good; none when lowest is above.';
COMMENT ON COLUMN user_session.ends_at IS 'However often it is renewed, it ends then.';
COMMENT ON COLUMN user_session.authenticated_at IS 'When the user last showed more than a token.';
COMMENT ON COLUMN user_session.shown IS 'The most that its user has shown of who it is.';

CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    org_id     text NOT NULL,
    session_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    FOREIGN KEY (org_id, session_id) REFERENCES user_session ON DELETE CASCADE
);
CREATE INDEX refresh_token_session ON refresh_token (org_id, session_id);

CREATE TABLE ws_ticket (
    ticket_hash      bytea PRIMARY KEY,
    org_id           text NOT NULL,
    session_id       text NOT NULL,
    expires_at       timestamptz NOT NULL,
    token_expires_at timestamptz NOT NULL,
    opened_at        timestamptz,
    FOREIGN KEY (org_id, session_id) REFERENCES user_session ON DELETE CASCADE
);
CREATE INDEX ws_ticket_session ON ws_ticket (org_id, session_id);
COMMENT ON COLUMN ws_ticket.opened_at IS 'When it opened a stream, which may come back by it until token_expires_at; null: it opens one socket or stream until expires_at.';

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
COMMENT ON COLUMN sign_in_provider.secret IS 'The client''s secret, or the password to search with, sealed by hub/base/vault.py: read by nobody but the hub.';

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
COMMENT ON COLUMN provider_grant.refresh_token IS 'Of the provider, sealed by hub/base/vault.py: shown to it to learn whether the person may still sign in.';

CREATE TABLE provider_session (
    org_id     text NOT NULL,
    session_id text NOT NULL,
    grant_id   text NOT NULL REFERENCES provider_grant ON DELETE CASCADE,
    PRIMARY KEY (org_id, session_id),
    FOREIGN KEY (org_id, session_id) REFERENCES user_session ON DELETE CASCADE
);
CREATE INDEX provider_session_grant ON provider_session (grant_id);
COMMENT ON TABLE provider_session IS 'The sessions that began with it: the first, and those in other organisations that went on from there.';

CREATE TABLE api_key (
    org_id     text NOT NULL,
    key_id     text NOT NULL,
    user_id    text NOT NULL,
    name       text NOT NULL,
    role       text NOT NULL CHECK (role IN ('NONE', 'VIEWER', 'OPERATOR', 'MANAGER', 'ADMIN')),
    key_hash   bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    prefix     text NOT NULL DEFAULT '',
    used_at    timestamptz,
    PRIMARY KEY (org_id, key_id),
    FOREIGN KEY (org_id, user_id) REFERENCES member ON DELETE CASCADE
);
COMMENT ON COLUMN api_key.prefix IS 'How the secret begins, so that people find it where they keep it.';
COMMENT ON COLUMN api_key.used_at IS 'As of late: written once a minute at most.';
CREATE INDEX api_key_recent ON api_key (org_id, created_at DESC, key_id DESC);
CREATE INDEX api_key_user ON api_key (org_id, user_id, created_at DESC, key_id DESC);

CREATE TABLE revocation (
    revocation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id        text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('session', 'user', 'device', 'signing_key', 'rights', 'certificate', 'webhook', 'alert_rule')),
    subject       text NOT NULL,
    lowest        bigint NOT NULL,
    highest       bigint NOT NULL,
    made_in       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    made_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocation_made_in ON revocation (made_in);
COMMENT ON TABLE revocation IS 'For replicas that are at work: the numbers of a credential have changed. The truth is the row of the credential.';
COMMENT ON COLUMN revocation.subject IS 'user_id/session_id of a session; device_id/serial of a certificate; of rights a user, a key, or * for all of the organisation; of webhooks and alert rules *; else the id.';
COMMENT ON COLUMN revocation.made_in IS 'Read by transaction, not by time: whatever commits later than a poll is in the next one.';

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

CREATE TABLE secret (
    org_id     text NOT NULL REFERENCES org,
    name       text NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    keys       text[] NOT NULL,
    hash       text NOT NULL,
    sealed     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name)
);
CREATE INDEX secret_recent ON secret (org_id, created_at DESC, name DESC);
COMMENT ON TABLE secret IS 'What commands and configurations name instead of holding it.';
COMMENT ON COLUMN secret.keys IS 'The names of its values.';
COMMENT ON COLUMN secret.hash IS 'Another in each version: over its values and a salt that lies sealed with them, so that nothing can be guessed by it.';
COMMENT ON COLUMN secret.sealed IS 'Sealed by hub/base/vault.py: {"salt","data"}.';

CREATE TABLE secret_version (
    org_id      text NOT NULL,
    name        text NOT NULL,
    version     bigint NOT NULL,
    sealed      text NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name, version),
    FOREIGN KEY (org_id, name) REFERENCES secret ON DELETE CASCADE
);
CREATE INDEX secret_version_old ON secret_version (replaced_at);
COMMENT ON TABLE secret_version IS 'Versions that were replaced: they stay while revisions of applications name them.';
COMMENT ON COLUMN secret_version.sealed IS 'Sealed by hub/base/vault.py: {"salt","data"}.';

CREATE TABLE approval (
    org_id          text NOT NULL REFERENCES org,
    approval_id     text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('command', 'bulk', 'campaign', 'settings', 'workloads', 'schedule', 'schedule_run')),
    subject         text,
    device_ids      text[] NOT NULL,
    shown           jsonb NOT NULL,
    call            jsonb NOT NULL,
    request_hash    bytea NOT NULL,
    rights          text[] NOT NULL,
    right_name      text,
    reason          text NOT NULL,
    status          text NOT NULL DEFAULT 'AWAITING'
                    CHECK (status IN ('AWAITING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELLED')),
    asked_by_kind   text NOT NULL,
    asked_by        text NOT NULL,
    asked_by_key    text,
    asked_by_name   text NOT NULL,
    asked_at        timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    key_path        text,
    key             text,
    decided_by_kind text,
    decided_by      text,
    decided_by_key  text,
    decided_by_name text,
    decided_at      timestamptz,
    comment         text,
    error           jsonb,
    refused         jsonb NOT NULL DEFAULT '{}',
    done_at         timestamptz,
    PRIMARY KEY (org_id, approval_id)
);
CREATE INDEX approval_recent ON approval (org_id, asked_at DESC, approval_id DESC);
CREATE INDEX approval_subject ON approval (org_id, subject);
CREATE UNIQUE INDEX approval_reserved ON approval (org_id, subject) WHERE done_at IS NULL;
CREATE INDEX approval_key ON approval (org_id, key_path, key) WHERE key IS NOT NULL;
CREATE INDEX approval_waiting ON approval (expires_at) WHERE status = 'AWAITING';
CREATE INDEX approval_decided ON approval (decided_at) WHERE status <> 'AWAITING' AND done_at IS NULL;
CREATE INDEX approval_campaign ON approval (org_id) WHERE kind = 'campaign' AND done_at IS NULL;
CREATE INDEX approval_old ON approval (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE approval IS 'A call that waits, or waited, for a second person: as it was made, not as rows of what it will make.';
COMMENT ON COLUMN approval.subject IS 'The id that was promised, of a command, a batch, a campaign or a schedule: reserved until the call has become one.';
COMMENT ON COLUMN approval.shown IS 'What a person approves: {"command","terms","settings"}.';
COMMENT ON COLUMN approval.call IS 'What carries it out needs of the call.';
COMMENT ON COLUMN approval.rights IS 'What asker and approver must have, when it is asked, decided and carried out.';
COMMENT ON COLUMN approval.done_at IS 'When the decision had its effect: one without it is carried out again, which does nothing twice.';
COMMENT ON COLUMN approval.refused IS 'Targets of which nothing became, with why.';

CREATE TABLE capped_dispatch (
    org_id      text NOT NULL REFERENCES org,
    dispatch_id bigint GENERATED ALWAYS AS IDENTITY,
    sent_at     timestamptz NOT NULL DEFAULT now(),
    targets     integer NOT NULL,
    PRIMARY KEY (org_id, dispatch_id)
);
CREATE INDEX capped_dispatch_lately ON capped_dispatch (org_id, sent_at);
CREATE INDEX capped_dispatch_old ON capped_dispatch (sent_at);
COMMENT ON TABLE capped_dispatch IS 'Targets of dangerous commands that were sent without an approval, where an organisation caps them.';

-- Devices and their lines ------------------------------------------------------------------------

CREATE TABLE device (
    org_id             text NOT NULL REFERENCES org,
    device_id          text NOT NULL,
    name               text NOT NULL,
    company_id         text,
    production_line_id text,
    version            text,
    connection_mode    text NOT NULL DEFAULT 'VIA_LOCAL_SERVER'
                       CHECK (connection_mode IN ('VIA_LOCAL_SERVER', 'DIRECT_CLOUD')),
    disabled           boolean NOT NULL DEFAULT false,
    created_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    command_seq        bigint NOT NULL DEFAULT 0,
    lowest             bigint NOT NULL DEFAULT 0,
    highest            bigint NOT NULL DEFAULT 0,
    reborn_at          timestamptz,
    reopened_until     timestamptz,
    quarantined_at     timestamptz,
    quarantined_by     text,
    quarantine_reason  text,
    timezone           text,
    PRIMARY KEY (org_id, device_id)
) WITH (fillfactor = 80);
CREATE INDEX device_created ON device (org_id, created_at DESC, device_id DESC);
COMMENT ON COLUMN device.timezone IS 'Its own; null means that of its groups or its organisation.';
COMMENT ON COLUMN device.disabled IS 'Its credentials are refused (not the same as the disable_device command).';
COMMENT ON COLUMN device.lowest IS 'Tokens of the device with a version from lowest to highest are good; none when lowest is above.';
CREATE INDEX device_reborn ON device (org_id, reborn_at) WHERE reborn_at IS NOT NULL;
CREATE INDEX device_barred ON device (org_id, device_id) WHERE disabled OR deleted_at IS NOT NULL;
CREATE INDEX device_quarantined ON device (org_id, device_id) WHERE quarantined_at IS NOT NULL;
COMMENT ON COLUMN device.quarantined_at IS 'Since when nothing is taken of it and nothing is given to it; null when it is in no quarantine.';
COMMENT ON COLUMN device.reborn_at IS 'When a deleted device was registered anew: what is older is of the former one.';
COMMENT ON COLUMN device.connection_mode IS 'As the section mode of its desired state says: a copy, for lists.';
COMMENT ON COLUMN device.command_seq IS 'The number of the last command accepted for this device; the row lock on it gives the order.';

CREATE TABLE device_label (
    org_id    text NOT NULL,
    device_id text NOT NULL,
    key       text NOT NULL,
    value     text NOT NULL,
    PRIMARY KEY (org_id, device_id, key),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
CREATE INDEX device_label_value ON device_label (org_id, key, value, device_id);
COMMENT ON TABLE device_label IS 'What people note of a device; a tag is a label without a value.';
COMMENT ON COLUMN device.reopened_until IS 'So long an administrator lets it enrol again, once, whatever the setting says.';

CREATE FUNCTION version_key(version text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (SELECT string_agg(lpad(length(n)::text, 3, '0') || n, '' ORDER BY place)
            FROM (VALUES (1, m[1]), (2, coalesce(m[2], '0')), (3, coalesce(m[3], '0'))) AS number (place, n))
        || CASE WHEN m[4] IS NULL THEN '~' ELSE '!' || (
               SELECT string_agg(CASE WHEN p ~ '^[0-9]+$' THEN ' 0' || lpad(length(p)::text, 3, '0') || p
                                      ELSE ' 1' || p END, '' ORDER BY place)
               FROM unnest(string_to_array(m[4], '.')) WITH ORDINALITY AS part (p, place)) END
    FROM regexp_match(version, '^(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*))?'
        || '(?:-((?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?'
        || '(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$') AS m
    WHERE m IS NOT NULL AND length(version) <= 999
$$;
COMMENT ON FUNCTION version_key IS 'A version as a text that sorts as versions do, by code points; null for what is no version. hub/queries/versions.py is the same.';

CREATE FUNCTION born(org text, device text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT d.reborn_at FROM device d WHERE d.org_id = org AND d.device_id = device),
                    '-infinity')
$$;
COMMENT ON FUNCTION born IS 'From when on what is stored under the id of a device is its own.';

CREATE TABLE enrollment_token (
    org_id       text NOT NULL REFERENCES org,
    token_id     text NOT NULL,
    name         text NOT NULL,
    token_hash   bytea NOT NULL UNIQUE,
    max_uses     integer CHECK (max_uses > 0),
    uses         integer NOT NULL DEFAULT 0,
    expires_at   timestamptz,
    group_ids    text[] NOT NULL DEFAULT '{}',
    labels       jsonb NOT NULL DEFAULT '{}',
    approval     boolean NOT NULL DEFAULT false,
    made_by_kind text NOT NULL,
    made_by      text NOT NULL,
    made_by_key  text,
    made_by_name text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, token_id)
);
CREATE INDEX enrollment_token_recent ON enrollment_token (org_id, created_at DESC, token_id DESC);
COMMENT ON COLUMN enrollment_token.made_by IS 'It admits devices while whoever made it may make one.';

CREATE TABLE enrollment_use (
    org_id    text NOT NULL,
    token_id  text NOT NULL,
    device_id text NOT NULL,
    block     text NOT NULL,
    used_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, token_id, device_id, block),
    FOREIGN KEY (org_id, token_id) REFERENCES enrollment_token ON DELETE CASCADE
);
CREATE INDEX enrollment_use_old ON enrollment_use (used_at);
COMMENT ON TABLE enrollment_use IS 'The same device from the same addresses within ten minutes uses a token once: an answer may be lost.';

CREATE TABLE enrollment_request (
    org_id       text NOT NULL REFERENCES org,
    request_id   text NOT NULL,
    device_id    text NOT NULL,
    proof        bytea NOT NULL,
    fingerprint  text NOT NULL,
    address      text,
    token_id     text,
    status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected', 'ended')),
    group_ids    text[] NOT NULL DEFAULT '{}',
    tags         text[] NOT NULL DEFAULT '{}',
    requested_at timestamptz NOT NULL DEFAULT now(),
    decided_at   timestamptz,
    granted_at   timestamptz,
    PRIMARY KEY (org_id, request_id),
    UNIQUE (device_id, proof)
);
CREATE INDEX enrollment_request_device ON enrollment_request (org_id, device_id);
CREATE INDEX enrollment_request_recent ON enrollment_request (org_id, requested_at DESC, request_id DESC) WHERE status = 'pending';
CREATE INDEX enrollment_request_old ON enrollment_request (requested_at) WHERE status <> 'rejected';
COMMENT ON COLUMN enrollment_request.proof IS 'SHA-256 of the secret that only the device has which asked.';
COMMENT ON COLUMN enrollment_request.group_ids IS 'What the person who approved it gives beside what the token gives.';

CREATE TABLE device_state (
    org_id       text NOT NULL,
    device_id    text NOT NULL,
    status       text NOT NULL DEFAULT 'OFFLINE'
                 CHECK (status IN ('ONLINE', 'OFFLINE', 'DISABLED', 'DEGRADED', 'ERROR')),
    metrics      jsonb NOT NULL DEFAULT '{}',
    last_seen    timestamptz,
    agents       jsonb NOT NULL DEFAULT '[]',
    heard_at     timestamptz,
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN device_state.heard_at IS 'When a device without a line sent a heartbeat: for 90 s it is ONLINE.';
COMMENT ON COLUMN device_state.agents IS 'The programs of the device, and whether each is ready: what it last said of them on its newest line.';
COMMENT ON TABLE device_state IS 'What the device last said of itself: apart from device, because it changes with every heartbeat.';
CREATE INDEX device_state_wrong ON device_state (org_id, status, device_id) WHERE status IN ('DISABLED', 'DEGRADED', 'ERROR');

CREATE TABLE replica (
    replica_id   text PRIMARY KEY,
    address      text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz NOT NULL,
    ended_at     timestamptz,
    hole_told_at timestamptz,
    version      text,
    figures      jsonb
);
COMMENT ON COLUMN replica.figures IS 'What the replica last told of itself, beside the renewal of its lease.';
COMMENT ON COLUMN replica.ended_at IS 'A goodbye, or the moment at which another replica found the lease ended.';
COMMENT ON COLUMN replica.hole_told_at IS 'When dashboards were told of the hole that its end may have left in the stream, or its goodbye left none.';

CREATE TABLE device_line (
    org_id        text NOT NULL,
    device_id     text NOT NULL,
    generation    bigint NOT NULL DEFAULT 1,
    replica_id    text NOT NULL,
    session_id    text NOT NULL,
    journal_id    text,
    commands      text[],
    connected_at  timestamptz NOT NULL DEFAULT now(),
    closed_at     timestamptz,
    taken_from    text,
    boot_id       text,
    agent_version text,
    takeovers     integer NOT NULL DEFAULT 0,
    taken_over_at timestamptz,
    max_frame     integer,
    own_hash      text,
    software      jsonb,
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX device_line_replica ON device_line (replica_id) WHERE closed_at IS NULL;
CREATE INDEX device_line_connected ON device_line (org_id, connected_at DESC, device_id DESC) WHERE closed_at IS NULL;
COMMENT ON COLUMN device_line.generation IS 'The fence: rises with each line; what an older line sends counts for nothing.';
COMMENT ON COLUMN device_line.own_hash IS 'The description of the device''s own commands, as its last hello said.';
COMMENT ON COLUMN device_line.max_frame IS 'The longest frame that the device takes, in bytes, as its last hello said.';
COMMENT ON COLUMN device_line.software IS 'What the last hello said of installers, versions, barred artifacts and missing keys; null when it said nothing of them.';
COMMENT ON COLUMN device_line.takeovers IS 'How many lines in a row took over from an open one, each within ten minutes of the last.';
COMMENT ON COLUMN device_line.taken_from IS 'The other replica whose open line this one superseded.';
COMMENT ON COLUMN device_line.boot_id IS 'The start of the agent that opened this line, as its hello said.';
COMMENT ON COLUMN device_line.agent_version IS 'What the agent on this line is, as its hello said.';

CREATE TABLE line_takeover (
    replica_id text NOT NULL,
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    generation bigint NOT NULL
);
CREATE INDEX line_takeover_replica ON line_takeover (replica_id);
COMMENT ON TABLE line_takeover IS 'For a replica whose line was superseded elsewhere: the newer generation. It takes the rows out and closes its line.';

CREATE TABLE device_group (
    org_id     text NOT NULL REFERENCES org,
    group_id   text NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    query      text,
    words      jsonb NOT NULL DEFAULT '{}',
    trusted    boolean NOT NULL DEFAULT true,
    volatile   boolean NOT NULL DEFAULT false,
    evaluated_at timestamptz,
    timezone   text,
    PRIMARY KEY (org_id, group_id)
);
CREATE UNIQUE INDEX device_group_name ON device_group (org_id, lower(name));
CREATE INDEX device_group_recent ON device_group (org_id, created_at DESC, group_id DESC);
CREATE INDEX device_group_dynamic ON device_group (org_id, group_id) WHERE query IS NOT NULL;
COMMENT ON COLUMN device_group.query IS 'Of a dynamic group: whom it means. Null: its members are named by hand.';
COMMENT ON COLUMN device_group.words IS 'The groups that the query names: the id of each by its name, as it was when the query was written.';
COMMENT ON COLUMN device_group.trusted IS 'No device comes in by what it says: its members change with the labels, groups and ids that the query names. Those of the others are swept.';
COMMENT ON COLUMN device_group.evaluated_at IS 'Of a dynamic group, when its query was last asked of all devices; null until that is done.';

CREATE TABLE device_group_member (
    org_id    text NOT NULL,
    group_id  text NOT NULL,
    device_id text NOT NULL,
    PRIMARY KEY (org_id, group_id, device_id),
    FOREIGN KEY (org_id, group_id) REFERENCES device_group ON DELETE CASCADE,
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
CREATE INDEX device_group_member_device ON device_group_member (org_id, device_id);

CREATE FUNCTION timezone_of(org text, device text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT coalesce((SELECT g.timezone FROM device_group_member m JOIN device_group g USING (org_id, group_id)
                     WHERE m.org_id = o.org_id AND m.device_id = device AND g.timezone IS NOT NULL
                     ORDER BY lower(g.name) LIMIT 1),
                    o.timezone)
    FROM org o
    WHERE o.org_id = org
      AND coalesce(nullif(current_setting('longline.org', true), ''), org) = org
$$;
COMMENT ON FUNCTION timezone_of IS 'The time zone (its IANA name) of a device that has none of its own: of the first of its groups by name that has one, else of its organisation. The same for whoever may see the device, also where he does not see all of its groups.';

CREATE TABLE device_group_config (
    org_id     text NOT NULL,
    group_id   text NOT NULL,
    document   jsonb NOT NULL,
    priority   integer NOT NULL CHECK (priority BETWEEN 0 AND 1000),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    PRIMARY KEY (org_id, group_id),
    FOREIGN KEY (org_id, group_id) REFERENCES device_group ON DELETE CASCADE
);
COMMENT ON TABLE device_group_config IS 'What a group gives of the configuration: the documents of its groups are merged by rising priority, then id, and the own part of the device over them.';

-- Commands ---------------------------------------------------------------------------------------

CREATE TYPE command_status AS ENUM (
    'PENDING', 'SENT', 'ACKED', 'RUNNING',
    'SUCCESS', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMEOUT', 'EXPIRED', 'UNKNOWN'
);
COMMENT ON TYPE command_status IS 'In the order of protocol/lifecycle.py: a state only ever moves to a greater one.';

CREATE TABLE command (
    org_id          text NOT NULL,
    command_id      text NOT NULL,
    device_id       text NOT NULL,
    seq             bigint NOT NULL,
    type            text NOT NULL,
    params          jsonb NOT NULL,
    status          command_status NOT NULL,
    delivery        text NOT NULL CHECK (delivery IN ('now', 'queue')),
    timeout_ms      integer NOT NULL,
    actor           text NOT NULL,
    batch_id        text,
    request_hash    bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    deadline        timestamptz,
    expires_at      timestamptz,
    sent_at         timestamptz,
    sent_generation bigint,
    journal_id      text,
    cancelled_by    text,
    progress        jsonb,
    finished_at     timestamptz,
    output          text,
    data            jsonb,
    error           jsonb,
    late_result     jsonb,
    accepted_by     text NOT NULL,
    owner_kind      text NOT NULL DEFAULT 'hub',
    owner_id        text NOT NULL DEFAULT '',
    owner_key       text,
    failed          text GENERATED ALWAYS AS (CASE status
                        WHEN 'FAILED' THEN 'FAILED'
                        WHEN 'REJECTED' THEN 'REJECTED'
                        WHEN 'CANCELLED' THEN 'CANCELLED'
                        WHEN 'TIMEOUT' THEN 'TIMEOUT'
                        WHEN 'EXPIRED' THEN 'EXPIRED'
                        WHEN 'UNKNOWN' THEN 'UNKNOWN' END) STORED,
    redeliver       boolean NOT NULL DEFAULT false,
    signature       text,
    PRIMARY KEY (org_id, command_id),
    CHECK ((finished_at IS NOT NULL) = (status >= 'SUCCESS')),
    CHECK ((sent_generation IS NULL) = (sent_at IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX command_order ON command (org_id, device_id, seq);
CREATE INDEX command_unfinished ON command (org_id, device_id, seq) WHERE finished_at IS NULL;
CREATE INDEX command_deadline ON command (deadline) WHERE finished_at IS NULL;
CREATE INDEX command_expiry ON command (expires_at) WHERE finished_at IS NULL;
CREATE INDEX command_recent ON command (org_id, created_at DESC, command_id DESC);
CREATE INDEX command_cancelled ON command (org_id, device_id) WHERE finished_at IS NULL AND cancelled_by IS NOT NULL;
CREATE INDEX command_device ON command (org_id, device_id, created_at DESC, command_id DESC);
CREATE INDEX command_batch ON command (org_id, batch_id, created_at DESC, command_id DESC) WHERE batch_id IS NOT NULL;
CREATE INDEX command_failed ON command (org_id, failed, created_at DESC, command_id DESC) WHERE failed IS NOT NULL;
CREATE INDEX command_finished ON command (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON COLUMN command.owner_id IS 'The user (also of an API key) whose rights count when it is sent.';
COMMENT ON COLUMN command.owner_key IS 'The API key; its end is the end of those rights.';
COMMENT ON COLUMN command.accepted_by IS 'The replica that accepted it, where a caller may wait for its end.';
COMMENT ON COLUMN command.redeliver IS 'Of a device''s own command: its description says that it may be delivered twice.';
COMMENT ON COLUMN command.signature IS 'JSON, as it goes beside the command to its device: text, because nothing may change in it.';
COMMENT ON COLUMN command.failed IS 'The status of one that ended in another than SUCCESS. No index is on status: each step of a command would write to all of them. As text: the equality of an enum is not leakproof, so under row-level security it would use no index.';
COMMENT ON COLUMN command.journal_id IS 'The journal of the device at the time it was sent; the same journal again makes redelivery safe.';

CREATE TABLE command_description (
    org_id       text NOT NULL REFERENCES org,
    hash         text NOT NULL,
    commands     text NOT NULL,
    described_by text NOT NULL,
    described_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, hash)
);
COMMENT ON TABLE command_description IS 'What devices say of their own commands, once for all whose hello names this hash. As text: the order of members is that of forms.';

CREATE TABLE idempotency_key (
    org_id       text NOT NULL,
    path         text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    subject      text NOT NULL,
    refused      jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, path, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
COMMENT ON COLUMN idempotency_key.subject IS 'The command id, or the batch id of a bulk call.';
COMMENT ON COLUMN idempotency_key.refused IS 'Targets of a bulk call that were refused: id to error. They have no command.';

-- Audit ------------------------------------------------------------------------------------------

CREATE TABLE audit_log (
    org_id   text NOT NULL,
    audit_id bigint GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    action   text NOT NULL,
    target   text,
    detail   jsonb NOT NULL DEFAULT '{}',
    actor_kind text NOT NULL DEFAULT 'hub',
    actor_id   text NOT NULL DEFAULT '',
    credential text,
    address    text,
    request_id text,
    outcome    text NOT NULL DEFAULT 'ok',
    reason     text,
    changes    jsonb NOT NULL DEFAULT '{}',
    made_in    bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    PRIMARY KEY (org_id, at, audit_id)
) PARTITION BY RANGE (at);
COMMENT ON COLUMN audit_log.actor IS 'A name; proof is actor_id.';
COMMENT ON COLUMN audit_log.actor_id IS 'The id of the user (also for an API key) or device; empty when nobody was proved.';
COMMENT ON COLUMN audit_log.credential IS 'The session or the API key.';
COMMENT ON COLUMN audit_log.changes IS 'field: [old, new]';
COMMENT ON COLUMN audit_log.made_in IS 'The transaction, as a number. Rows are sealed by it, not by time: when no transaction up to this one is in progress any more.';
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;
CREATE INDEX audit_log_target ON audit_log (org_id, target, at);
CREATE INDEX audit_log_actor ON audit_log (org_id, actor, at);
CREATE INDEX audit_log_made_in ON audit_log (made_in, audit_id);
COMMENT ON INDEX audit_log_made_in IS 'For the sealer, which reads the newest rows of all organisations.';

CREATE TABLE audit_seal (
    org_id   text NOT NULL,
    number   bigint NOT NULL,
    audit_id bigint NOT NULL,
    at       timestamptz NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (org_id, number)
);
CREATE INDEX audit_seal_row ON audit_seal (org_id, audit_id);
COMMENT ON TABLE audit_seal IS 'The chain of the rows of audit_log, in which each hash is over the one before and the row.';
COMMENT ON COLUMN audit_seal.at IS 'Of the row.';

CREATE TABLE audit_look (
    is_row    boolean PRIMARY KEY DEFAULT true CHECK (is_row),
    sealed_to bigint NOT NULL DEFAULT 0,
    looked_at timestamptz NOT NULL DEFAULT '-infinity',
    anchor_error text
);
COMMENT ON TABLE audit_look IS 'Rows of transactions before sealed_to are sealed, as of looked_at. Locked by who seals.';
INSERT INTO audit_look DEFAULT VALUES;

CREATE TABLE audit_drop (
    org_id  text PRIMARY KEY,
    number  bigint NOT NULL,
    hash    bytea NOT NULL,
    through bigint NOT NULL,
    at      timestamptz NOT NULL
);
COMMENT ON TABLE audit_drop IS 'Where the chain of an organisation begins, behind what went with its partition.';
COMMENT ON COLUMN audit_drop.number IS 'The last whose seal is gone, and its hash.';
COMMENT ON COLUMN audit_drop.through IS 'The last whose row is gone: the rows of seals up to here may be missing.';

-- Telemetry --------------------------------------------------------------------------------------

CREATE TABLE status_event (
    org_id      text NOT NULL,
    device_id   text NOT NULL,
    received_at timestamptz NOT NULL,
    ts          timestamptz NOT NULL,
    status      text NOT NULL,
    metrics     jsonb NOT NULL
) PARTITION BY RANGE (received_at);
CREATE TABLE status_event_default PARTITION OF status_event DEFAULT;
CREATE INDEX status_event_device ON status_event (org_id, device_id, received_at);
CREATE INDEX status_event_received ON status_event USING brin (received_at)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX status_event_fleet ON status_event (org_id, received_at);
COMMENT ON INDEX status_event_received IS 'For the roll-up, which reads the newest minute of all devices.';
CREATE TABLE tenant_status_event (LIKE status_event) PARTITION BY RANGE (received_at);
ALTER TABLE tenant_status_event ATTACH PARTITION status_event DEFAULT;
COMMENT ON TABLE tenant_status_event IS 'status_event for reading, under row-level security; its only partition takes what is copied in, which no table under row-level security does.';

CREATE TABLE event (
    org_id      text NOT NULL,
    device_id   text NOT NULL,
    received_at timestamptz NOT NULL,
    ts          timestamptz NOT NULL,
    type        text NOT NULL,
    boot_id     text,
    seq         bigint,
    body        jsonb NOT NULL
) PARTITION BY RANGE (received_at);
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE INDEX event_device ON event (org_id, device_id, received_at);
CREATE INDEX event_received ON event (org_id, received_at);
CREATE INDEX event_status ON event (org_id, device_id, received_at) WHERE type = 'status';
CREATE TABLE tenant_event (LIKE event) PARTITION BY RANGE (received_at);
ALTER TABLE tenant_event ATTACH PARTITION event DEFAULT;
COMMENT ON TABLE tenant_event IS 'event for reading, as tenant_status_event.';

CREATE TABLE log_line (
    org_id      text NOT NULL,
    device_id   text NOT NULL,
    received_at timestamptz NOT NULL,
    ts          timestamptz NOT NULL,
    level       smallint NOT NULL,
    source      text,
    command_id  text,
    line        text NOT NULL
) PARTITION BY RANGE (received_at);
CREATE TABLE log_line_default PARTITION OF log_line DEFAULT;
CREATE INDEX log_line_device ON log_line (org_id, device_id, received_at);
CREATE INDEX log_line_received ON log_line (org_id, received_at);
CREATE INDEX log_line_warned ON log_line (org_id, device_id, received_at, level) WHERE level >= 2;
CREATE INDEX log_line_command ON log_line (org_id, device_id, command_id, received_at)
    WHERE command_id IS NOT NULL;
COMMENT ON COLUMN log_line.level IS '0 DEBUG, 1 INFO, 2 WARN, 3 ERROR: so that "at least" is a comparison.';
CREATE TABLE tenant_log_line (LIKE log_line) PARTITION BY RANGE (received_at);
ALTER TABLE tenant_log_line ATTACH PARTITION log_line DEFAULT;
COMMENT ON TABLE tenant_log_line IS 'log_line for reading, as tenant_status_event.';

CREATE TABLE metric_rollup (
    org_id    text NOT NULL,
    device_id text NOT NULL,
    bucket    timestamptz NOT NULL,
    name      text NOT NULL,
    count     bigint NOT NULL,
    sum       double precision NOT NULL,
    min       double precision NOT NULL,
    max       double precision NOT NULL,
    PRIMARY KEY (org_id, device_id, name, bucket)
) PARTITION BY RANGE (bucket);
CREATE TABLE metric_rollup_default PARTITION OF metric_rollup DEFAULT;
COMMENT ON TABLE metric_rollup IS 'Five-minute sums of the metrics in status events.';

CREATE TABLE rollup_mark (
    org_id   text PRIMARY KEY REFERENCES org,
    up_to    timestamptz NOT NULL
);
COMMENT ON TABLE rollup_mark IS 'Status events received before this moment are in metric_rollup.';

CREATE TABLE event_mark (
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    boot_id    text NOT NULL,
    seq        bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, device_id, boot_id)
) WITH (fillfactor = 50);
CREATE INDEX event_mark_age ON event_mark (updated_at);
COMMENT ON TABLE event_mark IS 'The highest durable event committed of each start of each agent.';

CREATE TABLE partition_drop (
    parent     text PRIMARY KEY,
    dropped_at timestamptz NOT NULL
);
COMMENT ON TABLE partition_drop IS 'When a partition of each table was last dropped: one an hour at most.';

CREATE FUNCTION partition_rule(parent text, OUT step interval, OUT least_kept interval)
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    SELECT r.step, r.least_kept INTO partition_rule.step, partition_rule.least_kept
    FROM (VALUES ('status_event', interval '6 hours', interval '1 hour'),
                 ('event', '6 hours', '1 hour'),
                 ('log_line', '1 day', '1 day'),
                 ('metric_rollup', '1 day', '1 day'),
                 ('audit_log', '30 days', '30 days')) AS r (parent, step, least_kept)
    WHERE r.parent = partition_rule.parent;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%L has no partitions by time', parent);
    END IF;
END $$;
COMMENT ON FUNCTION partition_rule IS 'Of each table that is partitioned by time: how long a partition is, and how long its rows are kept whatever is set.';

CREATE FUNCTION make_partitions(parent text, step interval, ahead integer, moments timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    first     CONSTANT timestamptz := '1900-01-01Z';
    last      CONSTANT timestamptz := '9999-01-01Z';
    spare     text := parent || '_default';
    key       text;
    partition text;
    low       timestamptz;
BEGIN
    IF step IS DISTINCT FROM (partition_rule(parent)).step OR ahead NOT BETWEEN 0 AND 10
       OR cardinality(moments) > 100
       OR EXISTS (SELECT FROM unnest(moments) m WHERE m < first OR m >= last) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('such partitions of %I are not made', parent);
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I DEFAULT', spare, parent);
    SELECT a.attname INTO key FROM pg_partitioned_table t
    JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
    WHERE t.partrelid = format('public.%I', parent)::regclass;
    FOR low IN EXECUTE format(
        'SELECT date_bin($1, m, ''epoch'') + i * $1 FROM unnest($2 || now()) m, generate_series(-1, $3) i '
        'UNION SELECT date_bin($1, %I, ''epoch'') FROM public.%I WHERE %I >= $4 AND %I < $5',
        key, spare, key, key) USING step, moments, ahead, first, last
    LOOP
        partition := parent || to_char(low AT TIME ZONE 'UTC', '_YYYYMMDDHH24');
        CONTINUE WHEN to_regclass(format('public.%I', partition)) IS NOT NULL;
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL EXCLUDING IDENTITY)',
                       partition, parent);
        EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', spare);
        EXECUTE format('WITH moved AS (DELETE FROM public.%I WHERE %I >= %L AND %I < %L RETURNING *) '
                       'INSERT INTO public.%I SELECT * FROM moved',
                       spare, key, low, key, low + step, partition);
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, partition, low, low + step);
    END LOOP;
END $$;
COMMENT ON FUNCTION make_partitions IS 'The partitions of now and of each moment, the one before each, so many ahead, and those of rows in the default partition, which move there.';
REVOKE EXECUTE ON FUNCTION make_partitions FROM PUBLIC;

CREATE FUNCTION drop_partitions(parent text, step interval, keep interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    rule   record := partition_rule(parent);
    part   record;
    newest timestamptz;
    filled boolean;
BEGIN
    IF step IS DISTINCT FROM rule.step OR keep < rule.least_kept OR keep IS NULL THEN
        RAISE invalid_parameter_value
        USING MESSAGE = format('partitions of %I are kept for %s at least', parent, rule.least_kept);
    END IF;
    UPDATE public.partition_drop d SET dropped_at = least(d.dropped_at, now())
    WHERE d.parent = drop_partitions.parent AND d.dropped_at > now() - interval '1 hour';
    IF FOUND THEN
        RETURN 0;
    END IF;
    FOR part IN
        SELECT c.relname, to_timestamp(right(c.relname, 10) || '+00', 'YYYYMMDDHH24TZH') AS low
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('public.%I', parent)::regclass AND c.relname ~ '_[0-9]{10}$'
        ORDER BY low DESC
    LOOP
        IF newest IS NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', part.relname) INTO filled;
            newest := CASE WHEN filled THEN part.low END;
        END IF;
    END LOOP;
    IF part.low + step < now() - keep AND (newest IS NULL OR part.low + step < newest - keep) THEN
        IF parent = 'audit_log' THEN
            INSERT INTO public.audit_drop AS d
            SELECT w.org_id, coalesce(s.number, 0), coalesce(s.hash, decode(repeat('00', 32), 'hex')), w.through, now()
            FROM (SELECT a.org_id, max(a.number) FILTER (WHERE a.at < part.low + step) AS through,
                         coalesce(min(a.number) FILTER (WHERE a.at >= part.low + step) - 1, max(a.number)) AS cut
                  FROM public.audit_seal a GROUP BY a.org_id) w
            LEFT JOIN public.audit_seal s ON s.org_id = w.org_id AND s.number = w.cut
            WHERE w.through IS NOT NULL
            ON CONFLICT ON CONSTRAINT audit_drop_pkey DO UPDATE SET
                number = CASE WHEN excluded.number > d.number THEN excluded.number ELSE d.number END,
                hash = CASE WHEN excluded.number > d.number THEN excluded.hash ELSE d.hash END,
                through = excluded.through, at = excluded.at;
            DELETE FROM public.audit_seal s USING public.audit_drop d
            WHERE s.org_id = d.org_id AND s.number <= d.number;
        END IF;
        EXECUTE format('DROP TABLE public.%I', part.relname);
        INSERT INTO public.partition_drop VALUES (drop_partitions.parent, now())
        ON CONFLICT ON CONSTRAINT partition_drop_pkey DO UPDATE SET dropped_at = now();
        RETURN 1;
    END IF;
    RETURN 0;
END $$;
COMMENT ON FUNCTION drop_partitions IS 'Drops the oldest partition when all in it is older than keep, counted from now and from the newest row, whichever is earlier; at most one an hour. Says how many. The seals of the audit go with their rows.';
REVOKE EXECUTE ON FUNCTION drop_partitions FROM PUBLIC;

-- Configuration and firmware ---------------------------------------------------------------------

CREATE TABLE device_config (
    org_id           text NOT NULL,
    device_id        text NOT NULL,
    desired          jsonb NOT NULL DEFAULT '{}',
    desired_version  bigint NOT NULL DEFAULT 0,
    reported         jsonb NOT NULL DEFAULT '{}',
    reported_version bigint,
    status           text NOT NULL DEFAULT 'in_sync'
                     CHECK (status IN ('in_sync', 'pending', 'failed', 'rolled_back')),
    error            text,
    reported_hash    text,
    highest_version  bigint NOT NULL DEFAULT 0,
    refused          bigint,
    retried          bigint,
    changed_at       timestamptz,
    own              jsonb NOT NULL DEFAULT '{}',
    own_version      bigint NOT NULL DEFAULT 0,
    defaults         jsonb NOT NULL DEFAULT '{}',
    stale_for        text,
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
COMMENT ON COLUMN device_config.highest_version IS 'Of all that were ever desired: a version that was taken back is never given to another document.';
COMMENT ON COLUMN device_config.reported_hash IS 'What the device last named as the hash of its configuration; null for a device that names none.';
COMMENT ON COLUMN device_config.refused IS 'The desired version that the device could not take, or has undone: it is not handed over again.';
COMMENT ON COLUMN device_config.retried IS 'The desired version that it shall try all the same.';
COMMENT ON COLUMN device_config.changed_at IS 'When it may have begun to differ: replicas hand it over to the lines that were open then.';
CREATE INDEX device_config_changed ON device_config (changed_at) WHERE changed_at IS NOT NULL;
COMMENT ON COLUMN device_config.own IS 'The part of the device itself, which push_config moves.';
COMMENT ON COLUMN device_config.own_version IS 'The push that the own part ends with.';
COMMENT ON COLUMN device_config.defaults IS 'What the groups of the device gave it at its last turn; desired is the own part merged over it.';
COMMENT ON COLUMN device_config.stale_for IS 'The group that gives something else since; null when the device has had its turn.';
CREATE INDEX device_config_stale ON device_config (org_id, stale_for, device_id) WHERE stale_for IS NOT NULL;

CREATE TABLE device_section (
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('production', 'mode', 'software')),
    version    bigint NOT NULL DEFAULT 0,
    document   jsonb NOT NULL,
    hash       text NOT NULL,
    taken      jsonb,
    taken_hash text,
    refused    bigint,
    error      jsonb,
    changed_at timestamptz,
    PRIMARY KEY (org_id, device_id, kind),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
COMMENT ON TABLE device_section IS 'What a device should have, and has, beside its configuration; no row, what every device begins with.';
COMMENT ON COLUMN device_section.hash IS 'SHA-256 in hex of the document as canonical JSON.';
COMMENT ON COLUMN device_section.taken IS 'What the device has; null while that is not known, or is none of what the hub knows.';
COMMENT ON COLUMN device_section.refused IS 'The version that the device could not take, or has undone: it is not handed over again.';
COMMENT ON COLUMN device_section.changed_at IS 'When it may have begun to differ: replicas hand it over to the lines that were open then.';
CREATE INDEX device_section_changed ON device_section (changed_at) WHERE changed_at IS NOT NULL;

CREATE TABLE device_config_history (
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    version    bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    command_id text NOT NULL,
    patch      jsonb NOT NULL,
    outcome    text NOT NULL DEFAULT 'pending',
    device_version bigint,
    error      text,
    ended_at   timestamptz,
    base_version   bigint,
    document       jsonb,
    without_effect boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, device_id, version),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
CREATE INDEX device_config_history_pending ON device_config_history (org_id, device_id) WHERE outcome = 'pending';
COMMENT ON COLUMN device_config_history.device_version IS 'The version under which the device keeps it.';
COMMENT ON COLUMN device_config_history.base_version IS 'The version that was desired before, on which the patch builds.';
COMMENT ON COLUMN device_config_history.document IS 'What the patch made of it; of the newest versions, and of those that may be needed again.';

CREATE TABLE config_schema (
    org_id     text PRIMARY KEY REFERENCES org,
    schema     text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);
COMMENT ON TABLE config_schema IS 'The JSON Schema that every desired configuration must satisfy; no row, no rule.';

CREATE TABLE config_hidden (
    org_id text NOT NULL REFERENCES org,
    digest bytea NOT NULL,
    schema text NOT NULL,
    PRIMARY KEY (org_id, digest)
);
COMMENT ON TABLE config_hidden IS 'Every schema of configurations that marked members writeOnly: what it hid stays hidden.';

CREATE TABLE firmware_key (
    org_id     text NOT NULL REFERENCES org,
    key_id     text NOT NULL,
    name       text NOT NULL,
    public_key text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key_id),
    UNIQUE (org_id, public_key)
);

CREATE TABLE firmware_release (
    org_id           text NOT NULL REFERENCES org,
    release_id       text NOT NULL,
    version          text NOT NULL,
    channel          text NOT NULL,
    filename         text NOT NULL,
    size             bigint NOT NULL,
    sha256           text NOT NULL,
    signature_base64 text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    created_by       text NOT NULL,
    signed_by        text,
    type             text NOT NULL DEFAULT 'agent',
    PRIMARY KEY (org_id, release_id),
    UNIQUE (org_id, type, channel, version),
    FOREIGN KEY (org_id, signed_by) REFERENCES firmware_key
);
CREATE INDEX firmware_release_artifact ON firmware_release (sha256);
CREATE INDEX firmware_release_recent ON firmware_release (org_id, created_at DESC, release_id DESC);
COMMENT ON COLUMN firmware_release.signed_by IS 'The key of ours that its signature fits; null when it was not checked.';

-- What is done again and again -------------------------------------------------------------------

CREATE TABLE job (
    job_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    org_id      text REFERENCES org,
    key         text NOT NULL DEFAULT '',
    next_run    timestamptz DEFAULT now(),
    wait        interval DEFAULT '0',
    holder      text,
    epoch       bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    last_run    timestamptz,
    failures    integer NOT NULL DEFAULT 0,
    last_error  text,
    UNIQUE NULLS NOT DISTINCT (kind, org_id, key),
    CHECK ((holder IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX job_due ON job (kind, next_run);
COMMENT ON TABLE job IS 'What is done again and again, by one replica at a time: the holder, until lease_until.';
COMMENT ON COLUMN job.org_id IS 'Null: of the whole installation.';
COMMENT ON COLUMN job.key IS 'What it is about, for its kind: a campaign, a company; empty when the kind has one job only.';
COMMENT ON COLUMN job.next_run IS 'When it is due; null: not until somebody has something for it.';
COMMENT ON COLUMN job.wait IS 'How long the wait for next_run was when it began; null when next_run is a moment of the calendar.';
COMMENT ON COLUMN job.epoch IS 'Grows whenever a replica takes it: the fence of what the one before still writes.';
COMMENT ON COLUMN job.last_run IS 'When a run ended last; of a job that is held on, as of its last renewal.';
COMMENT ON COLUMN job.failures IS 'In a row; last_error is of the last one.';

-- Campaigns --------------------------------------------------------------------------------------

CREATE TABLE campaign (
    org_id          text NOT NULL REFERENCES org,
    campaign_id     text NOT NULL,
    subject         text NOT NULL,
    command         jsonb NOT NULL,
    terms           jsonb NOT NULL,
    status          text NOT NULL DEFAULT 'PENDING'
                    CHECK (status IN ('AWAITING', 'SCHEDULED', 'PENDING', 'IN_PROGRESS', 'PAUSED', 'SUCCESS', 'FAILED',
                                      'ABORTED')),
    wave            integer NOT NULL DEFAULT 0,
    wave_since      timestamptz NOT NULL DEFAULT now(),
    stopped_because text,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    closed_at       timestamptz,
    owner_kind      text NOT NULL DEFAULT 'hub',
    owner_id        text NOT NULL DEFAULT '',
    owner_key       text,
    kind            text NOT NULL CHECK (kind IN ('command', 'release', 'application')),
    name            text,
    target          jsonb,
    attempt         integer NOT NULL DEFAULT 1,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    followed_at     timestamptz,
    owner_name      text NOT NULL DEFAULT '',
    ended_counts    jsonb,
    PRIMARY KEY (org_id, campaign_id),
    CHECK ((finished_at IS NOT NULL) = (status IN ('SUCCESS', 'FAILED', 'ABORTED')))
);
CREATE INDEX campaign_recent ON campaign (org_id, created_at DESC, campaign_id DESC);
CREATE INDEX campaign_subject ON campaign (org_id, subject);
CREATE INDEX campaign_open ON campaign (org_id) WHERE closed_at IS NULL;
COMMENT ON COLUMN campaign.ended_counts IS 'How its devices stood, since these are gone; null: count them.';
COMMENT ON COLUMN campaign.owner_id IS 'The user (also of an API key) whose rights count when it sends.';
COMMENT ON COLUMN campaign.subject IS 'What it is about, for the floor that began it: the id of a release, the name of an application, the type of a command.';
COMMENT ON COLUMN campaign.target IS 'Whom it is for, as it was asked for; null: whoever has the application.';
COMMENT ON COLUMN campaign.attempt IS 'Grows when it is opened again for those that failed.';
COMMENT ON COLUMN campaign.followed_at IS 'When its target was looked up last, of one that follows it.';
COMMENT ON COLUMN campaign.opened_at IS 'When its present attempt began: what ended before says nothing of it.';
COMMENT ON COLUMN campaign.closed_at IS 'When nothing was under way any more: no replica need drive it.';

CREATE TABLE campaign_device (
    org_id            text NOT NULL,
    campaign_id       text NOT NULL,
    position          integer NOT NULL,
    device_id         text NOT NULL,
    wave              integer NOT NULL,
    status            text NOT NULL DEFAULT 'PENDING'
                      CHECK (status IN ('PENDING', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'SKIPPED')),
    phase             text NOT NULL DEFAULT 'waiting'
                      CHECK (phase IN ('waiting', 'downloading', 'staged', 'restarting', 'soaking')),
    attempt           integer NOT NULL DEFAULT 0,
    command_id        text,
    from_version      text,
    from_boot_id      text,
    from_generation   bigint,
    error             jsonb,
    since             timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    steady_since      timestamptz,
    steady_generation bigint,
    finished_at       timestamptz,
    losses            smallint NOT NULL DEFAULT 0,
    failures          smallint NOT NULL DEFAULT 0,
    from_health       text,
    recalled          boolean NOT NULL DEFAULT false,
    zone              text NOT NULL DEFAULT 'UTC',
    PRIMARY KEY (org_id, campaign_id, position),
    UNIQUE (org_id, campaign_id, device_id),
    FOREIGN KEY (org_id, campaign_id) REFERENCES campaign ON DELETE CASCADE,
    CHECK ((finished_at IS NOT NULL) = (status IN ('SUCCESS', 'FAILED', 'SKIPPED')))
) WITH (fillfactor = 70);
COMMENT ON COLUMN campaign_device.zone IS 'The time zone of the device when it came in, where a window follows it.';
CREATE INDEX campaign_device_under_way ON campaign_device (org_id, campaign_id) WHERE status = 'IN_PROGRESS';
CREATE INDEX campaign_device_waiting ON campaign_device (org_id, campaign_id, wave, position) WHERE status = 'PENDING';
CREATE INDEX campaign_device_started ON campaign_device (org_id, campaign_id, started_at);
CREATE INDEX campaign_device_failed ON campaign_device (org_id, campaign_id) WHERE status = 'FAILED';
CREATE INDEX campaign_device_failed_at ON campaign_device (org_id, finished_at) WHERE status = 'FAILED';
CREATE INDEX campaign_device_past ON campaign_device (org_id, device_id, finished_at) WHERE status IN ('SUCCESS', 'FAILED');
COMMENT ON COLUMN campaign_device.losses IS 'Commands of which nothing became, and that were sent again.';
COMMENT ON COLUMN campaign_device.failures IS 'Commands that failed, and were sent again.';
COMMENT ON COLUMN campaign_device.recalled IS 'Its window closed: its command is cancelled, and it waits for the next.';
COMMENT ON COLUMN campaign_device.from_boot_id IS 'The start of the agent that got the command: another one is a restart.';

CREATE TABLE penalty_cleared (
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    cleared_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
COMMENT ON TABLE penalty_cleared IS 'Failures of the device before this moment keep it from no firmware.';

-- Applications on devices --------------------------------------------------------------------------

CREATE TABLE config_map (
    org_id     text NOT NULL REFERENCES org,
    name       text NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name)
);
CREATE INDEX config_map_recent ON config_map (org_id, created_at DESC, name DESC);

CREATE TABLE config_map_version (
    org_id     text NOT NULL,
    name       text NOT NULL,
    version    bigint NOT NULL,
    size       integer NOT NULL,
    hash       text NOT NULL,
    data       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name, version),
    FOREIGN KEY (org_id, name) REFERENCES config_map ON DELETE CASCADE
);
CREATE INDEX config_map_version_old ON config_map_version (created_at);
COMMENT ON TABLE config_map_version IS 'What is in it; one that was replaced stays while revisions name it.';

CREATE TABLE registry (
    org_id     text NOT NULL REFERENCES org,
    name       text NOT NULL,
    url        text NOT NULL,
    host       text NOT NULL,
    username   text,
    sealed     text,
    ca         text,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    hand_over  text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (org_id, name),
    UNIQUE (org_id, host)
);
CREATE INDEX registry_recent ON registry (org_id, created_at DESC, name DESC);
CREATE INDEX registry_hand_over ON registry (org_id, name) WHERE hand_over <> '{}';
COMMENT ON TABLE registry IS 'How devices sign in where their images come from.';
COMMENT ON COLUMN registry.host IS 'As images name it.';
COMMENT ON COLUMN registry.sealed IS 'The password, sealed by hub/base/vault.py; null for a registry without one.';
COMMENT ON COLUMN registry.hand_over IS 'The hosts whose devices have yet to be handed what was changed.';

CREATE TABLE application (
    org_id                text NOT NULL REFERENCES org,
    name                  text NOT NULL,
    current               text,
    target                text,
    remove_when_unmatched boolean NOT NULL DEFAULT false,
    paused_because        text,
    version               bigint NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL DEFAULT now(),
    created_by            text NOT NULL,
    updated_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name)
);
CREATE INDEX application_recent ON application (org_id, created_at DESC, name DESC);
CREATE INDEX application_targets ON application (org_id) WHERE target IS NOT NULL;
COMMENT ON COLUMN application.current IS 'The revision that a device gets which comes to match; null: none does.';
COMMENT ON COLUMN application.target IS 'The query that gives it to devices; null: they have it by hand.';
COMMENT ON COLUMN application.paused_because IS 'Why nothing of it is removed from devices that match no more.';

CREATE TABLE application_revision (
    org_id      text NOT NULL,
    application text NOT NULL,
    revision    text NOT NULL,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    sha256      text NOT NULL,
    pinned      boolean NOT NULL,
    compose     jsonb NOT NULL,
    config_maps jsonb NOT NULL,
    secrets     jsonb NOT NULL,
    data_bytes  integer NOT NULL,
    services    integer NOT NULL,
    hosts       text[] NOT NULL,
    variables   text[] NOT NULL,
    asks_for    text[] NOT NULL,
    signature   jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL,
    PRIMARY KEY (org_id, application, revision),
    FOREIGN KEY (org_id, application) REFERENCES application ON DELETE CASCADE
);
CREATE INDEX application_revision_recent ON application_revision (org_id, application, number DESC);
COMMENT ON COLUMN application_revision.number IS 'The order in which they were made.';
COMMENT ON COLUMN application_revision.sha256 IS 'Of the content as canonical JSON, before anything is filled in.';
COMMENT ON COLUMN application_revision.config_maps IS 'By name, the version.';
COMMENT ON COLUMN application_revision.data_bytes IS 'Of all that it names.';
COMMENT ON COLUMN application_revision.hosts IS 'The registries that its images come from.';
COMMENT ON COLUMN application_revision.variables IS 'That are filled in for each device.';
COMMENT ON COLUMN application_revision.asks_for IS 'What of it needs the right workloads/privileged.';

CREATE TABLE device_application (
    org_id      text NOT NULL,
    device_id   text NOT NULL,
    application text NOT NULL,
    revision    text NOT NULL,
    filled      jsonb NOT NULL DEFAULT '{}',
    wanted      text,
    errors      jsonb NOT NULL DEFAULT '{}',
    by_hand     boolean NOT NULL,
    pinned      boolean NOT NULL DEFAULT false,
    orphaned    boolean NOT NULL DEFAULT false,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, device_id, application),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE,
    FOREIGN KEY (org_id, application, revision) REFERENCES application_revision (org_id, application, revision)
);
CREATE INDEX device_application_of ON device_application (org_id, application, device_id);
CREATE INDEX device_application_revision ON device_application (org_id, application, revision, device_id);
COMMENT ON TABLE device_application IS 'What a device shall run.';
COMMENT ON COLUMN device_application.filled IS 'The variables that the revision uses, as they were when the device got it.';
COMMENT ON COLUMN device_application.wanted IS 'The revision that it should have got, and could not: variables are missing.';
COMMENT ON COLUMN device_application.errors IS 'By service, why it is left out: {"code","message"}.';
COMMENT ON COLUMN device_application.orphaned IS 'It matches the target no more, and keeps what it has.';
COMMENT ON COLUMN device_application.assigned_at IS 'The earlier of two that collide stays.';

CREATE TABLE device_stop (
    org_id      text NOT NULL,
    device_id   text NOT NULL,
    application text NOT NULL,
    service     text NOT NULL,
    stopped_at  timestamptz NOT NULL DEFAULT now(),
    stopped_by  text NOT NULL,
    PRIMARY KEY (org_id, device_id, application, service),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE,
    FOREIGN KEY (org_id, application) REFERENCES application ON DELETE CASCADE
);
CREATE INDEX device_stop_of ON device_stop (org_id, application);
COMMENT ON TABLE device_stop IS 'Services that somebody stopped: they stay so in each revision, until somebody starts them.';

CREATE TABLE device_variable (
    org_id    text NOT NULL,
    device_id text NOT NULL,
    name      text NOT NULL,
    value     text NOT NULL,
    PRIMARY KEY (org_id, device_id, name),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
COMMENT ON TABLE device_variable IS 'What is filled into applications on this device; its labels are, too.';

CREATE TABLE device_workloads (
    org_id         text NOT NULL,
    device_id      text NOT NULL,
    version        text NOT NULL DEFAULT '',
    remove_volumes text[] NOT NULL DEFAULT '{}',
    changed_at     timestamptz,
    refused        jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
CREATE INDEX device_workloads_changed ON device_workloads (changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX device_workloads_refused ON device_workloads (org_id, device_id) WHERE refused <> '{}';
COMMENT ON TABLE device_workloads IS 'The section workloads of desired state: its version, which is a hash of what the device shall have.';
COMMENT ON COLUMN device_workloads.remove_volumes IS 'Applications that are gone, and whose named volumes go, too.';
COMMENT ON COLUMN device_workloads.refused IS 'By application, why its target does not give it: {"revision","version","code","message","retryAt"}; empty again when the device shall have something else.';

CREATE TABLE workload_report (
    org_id      text NOT NULL,
    device_id   text NOT NULL,
    application text NOT NULL,
    version     text NOT NULL,
    services    jsonb NOT NULL,
    hash        text NOT NULL,
    bare_hash   text NOT NULL,
    usage       jsonb NOT NULL DEFAULT '{}',
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, device_id, application),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
) WITH (fillfactor = 70);
COMMENT ON TABLE workload_report IS 'What a device said last of an application.';
COMMENT ON COLUMN workload_report.hash IS 'SHA-256 in hex of the services as canonical JSON, without what only counts.';
COMMENT ON COLUMN workload_report.bare_hash IS 'The same of a device that leaves out what is null.';

-- Records of production and their way to the cloud ------------------------------------------------

CREATE TABLE aggregated (
    org_id      text NOT NULL,
    record_id   text NOT NULL,
    kind        text NOT NULL,
    company_id  text NOT NULL,
    device_id   text NOT NULL,
    ts          timestamptz NOT NULL,
    data        jsonb NOT NULL,
    digest      bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, device_id, record_id, kind)
) PARTITION BY LIST (kind);
CREATE TABLE aggregated_bottle PARTITION OF aggregated FOR VALUES IN ('bottle');
CREATE TABLE aggregated_batch PARTITION OF aggregated FOR VALUES IN ('batch');
CREATE TABLE aggregated_pallet PARTITION OF aggregated FOR VALUES IN ('pallet');
CREATE TABLE aggregated_fixation PARTITION OF aggregated FOR VALUES IN ('fixation');
CREATE INDEX aggregated_age ON aggregated (received_at);
CREATE INDEX aggregated_received ON aggregated (org_id, received_at, device_id, record_id);
CREATE INDEX aggregated_of_device ON aggregated (org_id, device_id, received_at);
CREATE INDEX aggregated_id ON aggregated (org_id, record_id);
COMMENT ON TABLE aggregated IS 'What devices produced, one partition a kind. A record is committed here and in cloud_sync_queue together.';
COMMENT ON COLUMN aggregated.digest IS 'Of the content: the same record again is accepted, another with its id is a conflict.';

CREATE TABLE cloud_sync_queue (
    org_id      text NOT NULL,
    queue_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id   text NOT NULL,
    company_id  text NOT NULL,
    kind        text NOT NULL,
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'dead', 'discarded')),
    attempts    integer NOT NULL DEFAULT 0,
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    device_id   text NOT NULL,
    UNIQUE (org_id, device_id, record_id),
    CHECK ((finished_at IS NULL) = (status = 'pending'))
) WITH (fillfactor = 70);
CREATE INDEX cloud_sync_queue_next ON cloud_sync_queue (org_id, company_id, queue_id) WHERE status = 'pending';
CREATE INDEX cloud_sync_queue_share ON cloud_sync_queue (org_id, device_id) WHERE status = 'pending';
CREATE INDEX cloud_sync_queue_waiting ON cloud_sync_queue (org_id, created_at) WHERE status = 'pending';
CREATE INDEX cloud_sync_queue_dead ON cloud_sync_queue (org_id, finished_at DESC, queue_id DESC) WHERE status = 'dead';
CREATE INDEX cloud_sync_queue_finished ON cloud_sync_queue (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX cloud_sync_queue_never ON cloud_sync_queue (org_id, device_id, record_id) WHERE status IN ('dead', 'discarded');
COMMENT ON COLUMN cloud_sync_queue.status IS 'discarded: a dead letter that somebody deleted. It is shown nowhere but as what became of its record.';
COMMENT ON COLUMN cloud_sync_queue.queue_id IS 'The order within a lane: a device hands in its next records when these are committed.';

CREATE TABLE certificate_authority (
    ca_id       text PRIMARY KEY,
    certificate text NOT NULL,
    private_key text NOT NULL,
    chain       text NOT NULL DEFAULT '',
    made_at     timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    retired_at  timestamptz,
    crl         bytea,
    crl_number  bigint NOT NULL DEFAULT 0,
    crl_made_at timestamptz,
    crl_stale   boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX certificate_authority_signs ON certificate_authority ((true)) WHERE retired_at IS NULL;
COMMENT ON TABLE certificate_authority IS 'All organisations share one that signs; those before it are trusted until they expire.';
COMMENT ON COLUMN certificate_authority.ca_id IS 'Its subject key identifier, in hex.';
COMMENT ON COLUMN certificate_authority.private_key IS 'Sealed by hub/base/vault.py, PEM.';
COMMENT ON COLUMN certificate_authority.chain IS 'PEM of those above it, where it is no root.';
COMMENT ON COLUMN certificate_authority.crl_stale IS 'A certificate has ended since the list was made.';

CREATE TABLE certificate (
    org_id      text NOT NULL REFERENCES org,
    serial      text NOT NULL,
    device_id   text NOT NULL,
    ca_id       text NOT NULL REFERENCES certificate_authority,
    fingerprint text NOT NULL,
    issued_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    first_used  timestamptz,
    good_until  timestamptz,
    ended_at    timestamptz,
    reason      text,
    warned_days smallint,
    PRIMARY KEY (org_id, serial)
);
CREATE INDEX certificate_device ON certificate (org_id, device_id, expires_at DESC);
CREATE INDEX certificate_recent ON certificate (org_id, issued_at DESC, serial DESC);
CREATE INDEX certificate_expiring ON certificate (expires_at);
COMMENT ON COLUMN certificate.serial IS 'Hex, as openssl prints it but for the case.';
COMMENT ON COLUMN certificate.fingerprint IS 'SHA-256 of the DER, in hex.';
COMMENT ON COLUMN certificate.first_used IS 'When the first line was opened with it.';
COMMENT ON COLUMN certificate.good_until IS 'Set by the first line with a later one of the device: then it is superseded.';
COMMENT ON COLUMN certificate.warned_days IS 'So many days before its end somebody was told last; 0 = of the end itself.';

CREATE FUNCTION end_certificates() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
BEGIN
    WITH ended AS (
        UPDATE certificate SET ended_at = now(), reason = 'the device: its credentials were ended'
        WHERE org_id = NEW.org_id AND device_id = NEW.device_id AND ended_at IS NULL
        RETURNING org_id, device_id, serial
    ), told AS (
        INSERT INTO revocation (org_id, kind, subject, lowest, highest)
        SELECT org_id, 'certificate', device_id || '/' || serial, 2, 1 FROM ended
    )
    UPDATE certificate_authority SET crl_stale = true WHERE EXISTS (SELECT FROM ended);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION end_certificates IS 'What ends every token of a device ends its certificates: wherever that is done, this is.';
CREATE TRIGGER device_credentials_end AFTER UPDATE OF lowest ON device
    FOR EACH ROW WHEN (NEW.lowest > OLD.highest) EXECUTE FUNCTION end_certificates();

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
        'ws_ticket', 'refresh_token', 'user_preference', 'user_session', 'sign_in_provider', 'api_key', 'team_member', 'role_binding',
        'invitation', 'custom_role', 'team', 'member', 'enrollment_use', 'enrollment_token', 'enrollment_request',
        'device_application', 'device_stop', 'device_variable', 'device_workloads', 'workload_report',
        'application_revision', 'application', 'config_map_version', 'config_map', 'registry', 'secret_version',
        'device_group_config', 'device_group_member',
        'device_group', 'device_section', 'device_label', 'device_config', 'device_config_history', 'config_hidden',
        'config_schema', 'idempotency_key', 'campaign_device', 'campaign', 'penalty_cleared', 'command',
        'command_description', 'secret', 'alert', 'alert_watch', 'alert_rule', 'silence', 'notification', 'notification_told', 'notification_message', 'notification_channel', 'webhook_event', 'webhook_delivery', 'webhook', 'schedule_run', 'schedule', 'certificate', 'approval', 'capped_dispatch', 'recording_chunk', 'byte_connection', 'byte_session', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
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
COMMENT ON FUNCTION empty_organisation IS 'Deletes so many rows of one table of an organisation that has ended; how many. 0 when nothing is left but what goes with its partitions, and the audit.';

CREATE TABLE byte_session (
    org_id          text NOT NULL REFERENCES org,
    session_id      text NOT NULL,
    device_id       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('exec', 'shell', 'logs', 'forward', 'file')),
    params          jsonb NOT NULL,
    env             jsonb,
    status          text NOT NULL DEFAULT 'WAITING' CHECK (status IN ('WAITING', 'OPEN', 'ENDED')),
    owner_kind      text NOT NULL CHECK (owner_kind IN ('user', 'api_key')),
    owner_id        text NOT NULL,
    credential      text NOT NULL,
    opened_by       text NOT NULL,
    address         text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    asked_at        timestamptz,
    boot_id         text,
    opened_at       timestamptz,
    ended_at        timestamptz,
    reason          text,
    refusal_code    text,
    refusal_message text,
    bytes_down      bigint NOT NULL DEFAULT 0,
    bytes_up        bigint NOT NULL DEFAULT 0,
    recorded        boolean NOT NULL DEFAULT false,
    recorded_bytes  bigint NOT NULL DEFAULT 0,
    recorded_whole  boolean NOT NULL DEFAULT false,
    width           integer NOT NULL DEFAULT 80,
    height          integer NOT NULL DEFAULT 24,
    PRIMARY KEY (org_id, session_id)
);
CREATE INDEX byte_session_recent ON byte_session (org_id, created_at DESC, session_id DESC);
CREATE INDEX byte_session_of_device ON byte_session (org_id, device_id, created_at DESC, session_id DESC);
CREATE INDEX byte_session_open ON byte_session (org_id, device_id) WHERE ended_at IS NULL;
CREATE INDEX byte_session_old ON byte_session (ended_at) WHERE ended_at IS NOT NULL;
COMMENT ON TABLE byte_session IS 'Byte streams between persons and devices (docs/sessions.md).';
COMMENT ON COLUMN byte_session.env IS 'What an exec was given beside its params: gone as soon as the device was asked.';
COMMENT ON COLUMN byte_session.credential IS 'The sign-in session or API key by which it was made: nobody else is its person.';
COMMENT ON COLUMN byte_session.asked_at IS 'When the line carried session_open, which it does once.';
COMMENT ON COLUMN byte_session.boot_id IS 'Of the start of the agent that was asked.';
COMMENT ON COLUMN byte_session.recorded_whole IS 'Whether nothing of the recording was lost at its end.';

CREATE TABLE byte_connection (
    org_id          text NOT NULL,
    session_id      text NOT NULL,
    name            text NOT NULL,
    device_id       text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    asked_at        timestamptz,
    person_replica  text,
    device_replica  text,
    person_at       timestamptz,
    device_at       timestamptz,
    ended_at        timestamptz,
    PRIMARY KEY (org_id, session_id, name),
    FOREIGN KEY (org_id, session_id) REFERENCES byte_session ON DELETE CASCADE
);
CREATE INDEX byte_connection_open ON byte_connection (org_id, device_id) WHERE ended_at IS NULL;
COMMENT ON TABLE byte_connection IS 'Pairs of sockets: of a forward each has a name, any other session has one without.';
COMMENT ON COLUMN byte_connection.person_replica IS 'Which replica holds the person''s socket; claimed once.';

CREATE TABLE recording_chunk (
    org_id     text NOT NULL,
    session_id text NOT NULL,
    device_id  text NOT NULL,
    number     integer NOT NULL,
    events     text NOT NULL,
    PRIMARY KEY (org_id, session_id, number),
    FOREIGN KEY (org_id, session_id) REFERENCES byte_session ON DELETE CASCADE
);
COMMENT ON TABLE recording_chunk IS 'Recordings of terminals: lines of asciicast v2 behind the header, which is made when it is read.';

CREATE TABLE usage_day (
    org_id   text NOT NULL REFERENCES org,
    day      date NOT NULL,
    devices  bigint NOT NULL,
    events   bigint NOT NULL,
    commands bigint NOT NULL,
    bytes    bigint NOT NULL,
    calls    bigint NOT NULL,
    PRIMARY KEY (org_id, day)
);
COMMENT ON TABLE usage_day IS 'What an organisation has used, by the days of UTC.';

CREATE TABLE schedule (
    org_id         text NOT NULL REFERENCES org,
    schedule_id    text NOT NULL,
    revision       bigint NOT NULL DEFAULT 1,
    name           text NOT NULL,
    cron           text,
    at             timestamptz,
    timezone       text NOT NULL,
    ends_at        timestamptz,
    target         jsonb NOT NULL,
    work           jsonb NOT NULL,
    missed         text NOT NULL CHECK (missed IN ('skip', 'run_once')),
    overlap        text NOT NULL CHECK (overlap IN ('skip', 'allow', 'replace')),
    jitter_seconds integer NOT NULL,
    enabled        boolean NOT NULL,
    reason         text CHECK (reason IN ('owner_lacks_right')),
    since          timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    rights         text[] NOT NULL,
    owner_kind     text NOT NULL,
    owner_id       text NOT NULL,
    owner_key      text,
    owner_name     text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     text NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, schedule_id),
    CHECK ((cron IS NULL) <> (at IS NULL))
);
CREATE INDEX schedule_recent ON schedule (org_id, created_at DESC, schedule_id DESC);
CREATE INDEX schedule_active ON schedule (since) WHERE ended_at IS NULL AND reason IS NULL AND enabled;
CREATE INDEX schedule_ended ON schedule (ended_at) WHERE ended_at IS NOT NULL;
COMMENT ON TABLE schedule IS 'What is done at times of the calendar (docs/schedules.md).';
COMMENT ON COLUMN schedule.revision IS 'Grows when what it does changes: runs of before send nothing more.';
COMMENT ON COLUMN schedule.since IS 'Up to when it was looked at, or when it was changed: what is due comes after.';
COMMENT ON COLUMN schedule.reason IS 'Why the hub has suspended it.';
COMMENT ON COLUMN schedule.ended_at IS 'When nothing was left to come.';
COMMENT ON COLUMN schedule.rights IS 'What its owner must have, over some device at least.';

CREATE TABLE schedule_run (
    org_id      text NOT NULL,
    schedule_id text NOT NULL,
    run_id      text NOT NULL,
    due         timestamptz NOT NULL,
    by_hand     boolean NOT NULL,
    revision    bigint NOT NULL,
    status      text NOT NULL CHECK (status IN ('RUNNING', 'DONE', 'PARTLY', 'FAILED', 'MISSED', 'SKIPPED')),
    started_at  timestamptz,
    finished_at timestamptz,
    stands_for  integer,
    is_campaign boolean NOT NULL,
    approval_id text,
    admitted    boolean NOT NULL DEFAULT false,
    targets     text[],
    total       integer,
    sent        integer NOT NULL DEFAULT 0,
    skipped     jsonb NOT NULL DEFAULT '{}',
    counts      jsonb NOT NULL DEFAULT '{}',
    error       jsonb,
    PRIMARY KEY (org_id, schedule_id, due),
    UNIQUE (org_id, run_id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedule ON DELETE CASCADE,
    CHECK ((finished_at IS NULL) = (status = 'RUNNING'))
);
CREATE INDEX schedule_run_under_way ON schedule_run (org_id, schedule_id) WHERE status = 'RUNNING';
CREATE INDEX schedule_run_old ON schedule_run (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON TABLE schedule_run IS 'One row a due time of a schedule: whoever writes it first begins it.';
COMMENT ON COLUMN schedule_run.run_id IS 'Follows from schedule and due time; its batch or campaign has this id.';
COMMENT ON COLUMN schedule_run.revision IS 'Of the schedule, when it began.';
COMMENT ON COLUMN schedule_run.stands_for IS 'How many due times that were missed it stands for.';
COMMENT ON COLUMN schedule_run.admitted IS 'It needs nobody''s approval, or has it.';
COMMENT ON COLUMN schedule_run.targets IS 'Devices in the order of their turns; null when each has had it.';
COMMENT ON COLUMN schedule_run.total IS 'How many targets there are; null until they were looked up.';
COMMENT ON COLUMN schedule_run.sent IS 'How many of these, from the first, have had their turn.';
COMMENT ON COLUMN schedule_run.skipped IS 'How many of these got nothing, by code.';
COMMENT ON COLUMN schedule_run.counts IS 'How its devices stood at the last look.';

CREATE TABLE webhook (
    org_id        text NOT NULL REFERENCES org,
    webhook_id    text NOT NULL,
    version       bigint NOT NULL DEFAULT 1,
    name          text NOT NULL,
    url           text NOT NULL,
    types         text[],
    query         text,
    words         jsonb NOT NULL DEFAULT '{}',
    header_names  text[] NOT NULL,
    sealed        text NOT NULL,
    rotated_until timestamptz,
    enabled       boolean NOT NULL,
    reason        text CHECK (reason IN ('gone', 'no_success', 'owner_lacks_right')),
    owner_kind    text NOT NULL,
    owner_id      text NOT NULL,
    owner_key     text,
    owner_name    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    created_by    text NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    failures      integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    succeeded_at  timestamptz,
    gap_count     bigint NOT NULL DEFAULT 0,
    gap_from      timestamptz,
    gap_to        timestamptz,
    PRIMARY KEY (org_id, webhook_id)
);
CREATE INDEX webhook_recent ON webhook (org_id, created_at DESC, webhook_id DESC);
COMMENT ON TABLE webhook IS 'Addresses to which events are delivered (docs/webhooks.md).';
COMMENT ON COLUMN webhook.types IS 'Which events it wants; null: those that it gets by default.';
COMMENT ON COLUMN webhook.words IS 'The groups that the query names: the id of each by its name, as it was when the query was written.';
COMMENT ON COLUMN webhook.sealed IS 'Sealed by hub/base/vault.py: {"secret","former","headers"}.';
COMMENT ON COLUMN webhook.rotated_until IS 'Until when the former secret signs too.';
COMMENT ON COLUMN webhook.reason IS 'Why the hub has disabled it: it keeps events all the same. Null when it is enabled, or when a person has disabled it.';
COMMENT ON COLUMN webhook.failing_since IS 'The first failure since the last success.';
COMMENT ON COLUMN webhook.gap_count IS 'How many of the oldest events were given up, and are still to be told; from and to is when they came.';

CREATE TABLE webhook_event (
    org_id     text NOT NULL,
    webhook_id text NOT NULL,
    number     bigint GENERATED ALWAYS AS IDENTITY,
    device_id  text,
    at         timestamptz NOT NULL DEFAULT now(),
    size       integer NOT NULL,
    restricted boolean NOT NULL,
    body       text NOT NULL,
    PRIMARY KEY (org_id, webhook_id, number)
);
COMMENT ON TABLE webhook_event IS 'Events that are still to be delivered, each written in the transaction that made it true. They leave by delete of what was delivered: a number may be committed after a greater one.';
COMMENT ON COLUMN webhook_event.restricted IS 'It tells what a command wrote, which not everybody may see.';
COMMENT ON COLUMN webhook_event.body IS 'JSON as it is delivered; text, because a retry has to be equal byte by byte.';

CREATE TABLE webhook_delivery (
    org_id       text NOT NULL,
    webhook_id   text NOT NULL,
    delivery_id  text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    count        integer NOT NULL,
    numbers      bigint[],
    device_ids   text[] NOT NULL,
    cleared_ids  text[] NOT NULL,
    tells_gap    boolean NOT NULL,
    body         text,
    attempts     integer NOT NULL DEFAULT 0,
    tried_at     timestamptz,
    status       integer,
    error        text,
    ms           integer,
    answer       text,
    delivered_at timestamptz,
    PRIMARY KEY (org_id, webhook_id, delivery_id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhook ON DELETE CASCADE
);
CREATE UNIQUE INDEX webhook_delivery_pending ON webhook_delivery (org_id, webhook_id) WHERE numbers IS NOT NULL;
CREATE INDEX webhook_delivery_recent ON webhook_delivery (org_id, webhook_id, created_at DESC, delivery_id DESC);
CREATE INDEX webhook_delivery_old ON webhook_delivery (created_at);
COMMENT ON TABLE webhook_delivery IS 'What was delivered, or tried, of late: one row a batch, with its last attempt.';
COMMENT ON COLUMN webhook_delivery.numbers IS 'The events in it, while it is to be tried again: one at a time, which holds back what follows it.';
COMMENT ON COLUMN webhook_delivery.device_ids IS 'Of which devices it tells; cleared_ids: and of which of these it shows what commands wrote.';
COMMENT ON COLUMN webhook_delivery.body IS 'As it was sent; null when so much followed it that it is not kept any more.';

CREATE TABLE alert_rule (
    org_id              text NOT NULL REFERENCES org,
    rule_id             text NOT NULL,
    version             bigint NOT NULL DEFAULT 1,
    name                text NOT NULL,
    query               text,
    words               jsonb NOT NULL DEFAULT '{}',
    condition           jsonb NOT NULL,
    for_seconds         integer NOT NULL,
    clear_after_seconds integer,
    severity            text NOT NULL CHECK (severity IN ('INFO', 'WARN', 'CRITICAL')),
    labels              jsonb NOT NULL DEFAULT '{}',
    notify              text[] NOT NULL DEFAULT '{}',
    inhibited_by        text[] NOT NULL DEFAULT '{}',
    sharing             text,
    reason              text CHECK (reason IN ('owner_lacks_right')),
    owner_kind          text NOT NULL,
    owner_id            text NOT NULL,
    owner_key           text,
    owner_name          text NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          text NOT NULL,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, rule_id),
    UNIQUE (org_id, name)
);
CREATE INDEX alert_rule_recent ON alert_rule (org_id, created_at DESC, rule_id DESC);
COMMENT ON TABLE alert_rule IS 'When an alert is raised of a device, and who is told (docs/alerts.md).';
COMMENT ON COLUMN alert_rule.words IS 'As webhook.words.';
COMMENT ON COLUMN alert_rule.condition IS 'What the rule says by `when`.';
COMMENT ON COLUMN alert_rule.notify IS 'Ids of channels; inhibited_by: of rules.';
COMMENT ON COLUMN alert_rule.reason IS 'Why it raises nothing: its owner may not have it any more. Null when it is at work.';

CREATE TABLE alert (
    org_id           text NOT NULL REFERENCES org,
    alert_id         text NOT NULL,
    rule_id          text,
    rule_version     bigint,
    device_id        text,
    code             text NOT NULL,
    subject          text NOT NULL DEFAULT '',
    severity         text NOT NULL CHECK (severity IN ('INFO', 'WARN', 'CRITICAL')),
    message          text NOT NULL,
    value            float8,
    count            bigint NOT NULL DEFAULT 1,
    first_at         timestamptz NOT NULL DEFAULT now(),
    last_at          timestamptz NOT NULL DEFAULT now(),
    resolved_at      timestamptz,
    resolved_because text CHECK (resolved_because IN (
        'cleared', 'rule_changed', 'left', 'device', 'device_deleted', 'manual', 'timeout')),
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    comment          text,
    silenced_by      text,
    PRIMARY KEY (org_id, alert_id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX alert_own_open ON alert (org_id, device_id, code, subject) NULLS NOT DISTINCT
    WHERE rule_id IS NULL AND resolved_at IS NULL;
CREATE UNIQUE INDEX alert_rule_open ON alert (org_id, rule_id, device_id)
    WHERE rule_id IS NOT NULL AND resolved_at IS NULL;
CREATE INDEX alert_recent ON alert (org_id, first_at DESC, alert_id DESC);
CREATE INDEX alert_open ON alert (org_id, first_at DESC, alert_id DESC) WHERE resolved_at IS NULL;
CREATE INDEX alert_of_device ON alert (org_id, device_id, first_at DESC, alert_id DESC);
CREATE INDEX alert_of_rule ON alert (org_id, rule_id, first_at DESC, alert_id DESC) WHERE rule_id IS NOT NULL;
CREATE INDEX alert_of_name ON alert (org_id, code, first_at DESC, alert_id DESC) WHERE rule_id IS NOT NULL;
CREATE INDEX alert_old ON alert (resolved_at) WHERE resolved_at IS NOT NULL;
COMMENT ON TABLE alert IS 'Alerts of rules, of devices and of the hub itself: one that is not resolved for each rule and device, or device and code.';
COMMENT ON COLUMN alert.subject IS 'What of no device the hub tells of: webhook:<id>, campaign:<id>.';
COMMENT ON COLUMN alert.rule_version IS 'Of the rule, when it raised it.';
COMMENT ON COLUMN alert.code IS 'As it was raised; of a rule its name at that time.';
COMMENT ON COLUMN alert.count IS 'How many alerts, matching events or turns for the worse are in it.';

CREATE TABLE alert_watch (
    org_id     text NOT NULL,
    rule_id    text NOT NULL,
    device_id  text NOT NULL,
    hits       timestamptz[] NOT NULL DEFAULT '{}',
    held_since timestamptz,
    cleared_at timestamptz,
    matched_at timestamptz,
    value      float8,
    PRIMARY KEY (org_id, rule_id, device_id),
    FOREIGN KEY (org_id, rule_id) REFERENCES alert_rule ON DELETE CASCADE
) WITH (fillfactor = 70);
COMMENT ON TABLE alert_watch IS 'What rules have noted of devices: hub/rules/judging.py.';
COMMENT ON COLUMN alert_watch.hits IS 'When the newest events came that matched, while they are not enough.';
COMMENT ON COLUMN alert_watch.held_since IS 'Since when it has been so; cleared_at: since when not any more, while the alert fires.';
COMMENT ON COLUMN alert_watch.matched_at IS 'When the last event came that the rule is about.';

CREATE TABLE rule_sweep (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    swept_at timestamptz NOT NULL
);
COMMENT ON TABLE rule_sweep IS 'When rules were last looked at by time: one row.';

CREATE TABLE hub_away (
    since timestamptz PRIMARY KEY,
    until timestamptz NOT NULL
);
COMMENT ON TABLE hub_away IS 'When no replica lived, or one drained, and half a minute after: it is not held against devices.';

CREATE TABLE notification_channel (
    org_id         text NOT NULL REFERENCES org,
    channel_id     text NOT NULL,
    version        bigint NOT NULL DEFAULT 1,
    name           text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('webhook', 'email')),
    url            text,
    recipients     text[],
    header_names   text[] NOT NULL DEFAULT '{}',
    sealed         text,
    group_seconds  integer NOT NULL,
    repeat_minutes integer NOT NULL,
    sent_at        timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     text NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, channel_id),
    UNIQUE (org_id, name)
);
CREATE INDEX notification_channel_recent ON notification_channel (org_id, created_at DESC, channel_id DESC);
COMMENT ON TABLE notification_channel IS 'Where people are told of alerts (docs/alerts.md).';
COMMENT ON COLUMN notification_channel.sealed IS 'Sealed by hub/base/vault.py: {"secret","headers"} of a webhook.';
COMMENT ON COLUMN notification_channel.sent_at IS 'When the last message was made.';

CREATE TABLE notification (
    org_id     text NOT NULL,
    channel_id text NOT NULL,
    number     bigint GENERATED ALWAYS AS IDENTITY,
    alert_id   text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    held       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, channel_id, number),
    UNIQUE (org_id, channel_id, alert_id),
    FOREIGN KEY (org_id, channel_id) REFERENCES notification_channel ON DELETE CASCADE
);
COMMENT ON TABLE notification IS 'Of which alerts a channel is still to tell.';
COMMENT ON COLUMN notification.held IS 'It was silenced, or another rule held it back: of what is resolved meanwhile nobody is told.';

CREATE TABLE notification_told (
    org_id     text NOT NULL,
    channel_id text NOT NULL,
    alert_id   text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, channel_id, alert_id),
    FOREIGN KEY (org_id, channel_id) REFERENCES notification_channel ON DELETE CASCADE
);
COMMENT ON TABLE notification_told IS 'When a channel told last of an alert that fires.';

CREATE TABLE notification_message (
    org_id     text NOT NULL,
    channel_id text NOT NULL,
    message_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    subject    text NOT NULL,
    body       text NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, channel_id),
    FOREIGN KEY (org_id, channel_id) REFERENCES notification_channel ON DELETE CASCADE
);
COMMENT ON TABLE notification_message IS 'What a channel is about to send: one at a time, tried for an hour.';

CREATE TABLE silence (
    org_id     text NOT NULL REFERENCES org,
    silence_id text NOT NULL,
    query      text NOT NULL,
    words      jsonb NOT NULL DEFAULT '{}',
    rule_id    text,
    until      timestamptz NOT NULL,
    comment    text NOT NULL,
    owner_kind text NOT NULL,
    owner_id   text NOT NULL,
    owner_key  text,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    PRIMARY KEY (org_id, silence_id)
);
CREATE INDEX silence_recent ON silence (org_id, created_at DESC, silence_id DESC);
COMMENT ON TABLE silence IS 'Of which alerts nobody is told for a while; they are raised all the same.';
