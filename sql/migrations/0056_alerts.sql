-- Alerts are records, and rules raise them.

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

ALTER TABLE revocation DROP CONSTRAINT revocation_kind_check,
    ADD CONSTRAINT revocation_kind_check
    CHECK (kind IN ('session', 'user', 'device', 'signing_key', 'rights', 'certificate', 'webhook', 'alert_rule'));
COMMENT ON COLUMN revocation.subject IS 'user_id/session_id of a session; device_id/serial of a certificate; of rights a user, a key, or * for all of the organisation; of webhooks and alert rules *; else the id.';

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
