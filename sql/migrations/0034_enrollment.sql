-- Enrolment tokens, and the requests of devices that a person has to approve.

ALTER TABLE device ADD COLUMN reopened_until timestamptz;
COMMENT ON COLUMN device.reopened_until IS 'So long an administrator lets it enrol again, once, whatever the setting says.';

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
