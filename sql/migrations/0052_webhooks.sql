-- Events are delivered to addresses that organisations name.

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

ALTER TABLE revocation DROP CONSTRAINT revocation_kind_check,
    ADD CONSTRAINT revocation_kind_check
    CHECK (kind IN ('session', 'user', 'device', 'signing_key', 'rights', 'certificate', 'webhook'));
COMMENT ON COLUMN revocation.subject IS 'user_id/session_id of a session; device_id/serial of a certificate; of rights a user, a key, or * for all of the organisation; of webhooks *; else the id.';

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
        'command_description', 'secret', 'webhook_event', 'webhook_delivery', 'webhook', 'certificate', 'approval', 'capped_dispatch', 'recording_chunk', 'byte_connection', 'byte_session', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
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
