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
    app_user, cloud_sync_lane, cloud_sync_queue, command, device, device_config, device_config_history,
    device_line, device_state, metric_rollup, rollup_mark, tenant_event, tenant_log_line,
    tenant_status_event
TO longline_app;

GRANT SELECT, INSERT ON
    audit_log
TO longline_app;
