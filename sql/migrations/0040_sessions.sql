-- Byte streams between persons and devices.

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
        'invitation', 'custom_role', 'team', 'member', 'enrollment_use', 'enrollment_token', 'enrollment_request',
        'device_group_config', 'device_group_member',
        'device_group', 'device_section', 'device_label', 'device_config', 'device_config_history', 'config_hidden',
        'config_schema', 'idempotency_key', 'campaign_device', 'campaign', 'penalty_cleared', 'command',
        'command_description', 'secret', 'certificate', 'approval', 'capped_dispatch', 'recording_chunk', 'byte_connection', 'byte_session', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
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
