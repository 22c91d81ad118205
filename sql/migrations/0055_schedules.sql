-- Commands and campaigns are begun at times of the calendar.

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

ALTER TABLE approval DROP CONSTRAINT approval_kind_check,
    ADD CONSTRAINT approval_kind_check
    CHECK (kind IN ('command', 'bulk', 'campaign', 'settings', 'workloads', 'schedule', 'schedule_run'));
COMMENT ON COLUMN approval.subject IS 'The id that was promised, of a command, a batch, a campaign or a schedule: reserved until the call has become one.';

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
        'command_description', 'secret', 'webhook_event', 'webhook_delivery', 'webhook', 'schedule_run', 'schedule', 'certificate', 'approval', 'capped_dispatch', 'recording_chunk', 'byte_connection', 'byte_session', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
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
