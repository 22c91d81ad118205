-- Applications on devices: their revisions, the data that these name, and where they run.
--
-- Runs once, in a transaction, while replicas of the version before are still at work.

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
    PRIMARY KEY (org_id, name),
    UNIQUE (org_id, host)
);
CREATE INDEX registry_recent ON registry (org_id, created_at DESC, name DESC);
COMMENT ON TABLE registry IS 'How devices sign in where their images come from.';
COMMENT ON COLUMN registry.host IS 'As images name it.';
COMMENT ON COLUMN registry.sealed IS 'The password, sealed by hub/base/vault.py; null for a registry without one.';

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
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
CREATE INDEX device_workloads_changed ON device_workloads (changed_at) WHERE changed_at IS NOT NULL;
COMMENT ON TABLE device_workloads IS 'The section workloads of desired state: its version, which is a hash of what the device shall have.';
COMMENT ON COLUMN device_workloads.remove_volumes IS 'Applications that are gone, and whose named volumes go, too.';

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

ALTER TABLE approval DROP CONSTRAINT approval_kind_check;
ALTER TABLE approval ADD CONSTRAINT approval_kind_check
    CHECK (kind IN ('command', 'bulk', 'campaign', 'settings', 'workloads'));

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
