-- What longline_hub may do, and no more; it owns nothing. Run after each migration, all in one
-- transaction, by whoever owns the tables. tests/migration/test_roles.py proves that every statement of
-- the hub can run with it, and that none of it can be left out.
--
-- Replicas of the version before are still at work while a migration runs: a right goes one version
-- after the last statement that needs it.
--
-- No partition is named here: COPY, INSERT and SELECT go by the table. Rows of the audit are written and
-- read, never changed; they go with their partition, when the owner's drop_partitions lets it go.

DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT oid FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                  AND pg_has_role(relowner, 'USAGE')
                  AND relacl::text LIKE '%longline_hub=%'
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM longline_hub', part);
    END LOOP;
END $$;

GRANT SELECT ON
    audit_drop, installation, schema_migration
TO longline_hub;

GRANT INSERT ON
    event, log_line
TO longline_hub;

GRANT SELECT, UPDATE ON
    audit_look
TO longline_hub;

GRANT SELECT, INSERT ON
    audit_log, audit_seal, config_hidden, recording_chunk, status_event
TO longline_hub;

GRANT SELECT, INSERT, UPDATE ON
    byte_connection, device, device_line, usage_day, device_state, metric_rollup,
    penalty_cleared, rollup_mark, setting, user_preference
TO longline_hub;

GRANT SELECT, INSERT, DELETE ON
    aggregated, command_description, device_group_member, firmware_key, idempotency_key,
    line_takeover, login_attempt,
    revocation
TO longline_hub;

GRANT SELECT, INSERT, UPDATE ON
    certificate_authority, org
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    campaign_device, certificate, enrollment_request, enrollment_token, enrollment_use, ws_ticket
TO longline_hub;

GRANT SELECT, INSERT ON
    provider_session, sign_in_identity
TO longline_hub;

GRANT SELECT, INSERT, DELETE ON
    command_key, master_key, passkey_challenge, recovery_code, role_binding, sign_in_request, team_member
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    account, api_key, custom_role, device_grant, invitation, member, passkey, provider_grant, sign_in_challenge,
    secret, sign_in_provider, team
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    approval, byte_session, capped_dispatch
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    campaign, cloud_sync_queue, command, config_schema, device_config,
    device_config_history, device_group, device_group_config, device_label, device_section,
    event_mark,
    firmware_release, job,
    login_address, refresh_token, replica, signing_key, user_session
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    application, application_revision, config_map, device_application, device_variable, registry, secret_version,
    workload_report
TO longline_hub;

GRANT SELECT, INSERT, DELETE ON
    config_map_version, device_stop, webhook_event
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    schedule, schedule_run, webhook, webhook_delivery
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    alert, alert_rule, alert_watch
TO longline_hub;

GRANT SELECT, INSERT, UPDATE ON
    rule_sweep
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    hub_away
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    notification, notification_channel, notification_message, notification_told
TO longline_hub;

GRANT SELECT, INSERT, DELETE ON
    silence
TO longline_hub;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    device_workloads
TO longline_hub;

REVOKE EXECUTE ON FUNCTION make_partitions, drop_partitions, empty_organisation, end_certificates,
    timezone_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_partitions, drop_partitions, empty_organisation, timezone_of TO longline_hub;
