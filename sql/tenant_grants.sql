-- What longline_app may do, and no more: what a caller of one organisation reads and changes in a
-- transaction of Database.tenant(org). Policies show it the rows of that organisation only
-- (sql/queries/roles.sql, to_isolate). Run as sql/grants.sql is, behind it.
--
-- No partition is named here: telemetry is read by the tenant_… tables above its own.

DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT oid FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                  AND pg_has_role(relowner, 'USAGE')
                  AND relacl::text LIKE '%longline_app=%'
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM longline_app', part);
    END LOOP;
END $$;

-- Of the installation: which replicas are alive.
GRANT SELECT ON replica TO longline_app;

GRANT SELECT ON
    command_description, device_line, metric_rollup, recording_chunk, rollup_mark, tenant_event, tenant_log_line, tenant_status_event
TO longline_app;

GRANT INSERT ON
    byte_connection, revocation, ws_ticket
TO longline_app;

GRANT SELECT, INSERT ON
    aggregated, audit_log, byte_session, config_hidden
TO longline_app;

GRANT SELECT, UPDATE ON
    command, user_session
TO longline_app;

GRANT SELECT, DELETE ON
    event_mark
TO longline_app;

GRANT SELECT, INSERT, UPDATE ON
    campaign, campaign_device, cloud_sync_queue, device, device_state, job, penalty_cleared, setting,
    user_preference
TO longline_app;

GRANT SELECT, DELETE ON
    api_key
TO longline_app;

GRANT SELECT, INSERT, DELETE ON
    device_group_member, firmware_key
TO longline_app;

-- What a deleted device had is not what a new one of the same id has.
GRANT UPDATE (software) ON device_line TO longline_app;

GRANT SELECT, UPDATE, DELETE ON
    device_config_history
TO longline_app;

GRANT EXECUTE ON FUNCTION timezone_of TO longline_app;

-- Nobody who serves one organisation reads a hash of a password.
GRANT SELECT (user_id, username, display_name, initial_password, instance_admin, created_at,
              totp_confirmed)
ON account TO longline_app;

GRANT SELECT ON member, usage_day TO longline_app;

GRANT SELECT, UPDATE ON
    certificate, enrollment_request
TO longline_app;

-- Whoever ends a certificate says that the list of those is old. No key is read.
GRANT UPDATE (crl_stale) ON certificate_authority TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    enrollment_token
TO longline_app;

GRANT SELECT, INSERT, DELETE ON
    invitation
TO longline_app;

GRANT SELECT, INSERT ON
    team_member
TO longline_app;

GRANT SELECT, INSERT, DELETE ON
    role_binding
TO longline_app;

GRANT SELECT, INSERT, UPDATE ON
    approval, capped_dispatch, team
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    custom_role, secret
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    config_schema, device_config, device_group, device_group_config,
    device_label, device_section, firmware_release
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    application, application_revision, config_map, device_application, device_variable, device_workloads, registry
TO longline_app;

GRANT SELECT, INSERT, DELETE ON
    device_stop
TO longline_app;

GRANT SELECT, INSERT ON
    config_map_version
TO longline_app;

GRANT INSERT ON
    secret_version
TO longline_app;

GRANT SELECT, DELETE ON
    workload_report
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    webhook
TO longline_app;

GRANT SELECT, INSERT, UPDATE ON
    webhook_delivery
TO longline_app;

GRANT INSERT ON
    webhook_event
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    schedule
TO longline_app;

GRANT SELECT, INSERT, UPDATE ON
    schedule_run
TO longline_app;

GRANT SELECT, UPDATE ON
    alert
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    alert_rule
TO longline_app;

GRANT SELECT, UPDATE, DELETE ON
    alert_watch
TO longline_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    notification_channel
TO longline_app;

GRANT SELECT, INSERT, DELETE ON
    silence
TO longline_app;
