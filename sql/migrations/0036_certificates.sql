-- Which certificates this hub has given to devices, and by which authority.

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

ALTER TABLE device_state ADD COLUMN heard_at timestamptz;
COMMENT ON COLUMN device_state.heard_at IS 'When a device without a line sent a heartbeat: for 90 s it is ONLINE.';

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

ALTER TABLE revocation DROP CONSTRAINT revocation_kind_check,
    ADD CONSTRAINT revocation_kind_check
    CHECK (kind IN ('session', 'user', 'device', 'signing_key', 'rights', 'certificate'));
COMMENT ON COLUMN revocation.subject IS 'user_id/session_id of a session; device_id/serial of a certificate; of rights a user, a key, or * for all of the organisation; else the id.';

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
        'command_description', 'secret', 'certificate', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
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
