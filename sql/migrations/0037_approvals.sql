-- Calls that a second person approves, and how many devices dangerous commands reached without one.

CREATE TABLE approval (
    org_id          text NOT NULL REFERENCES org,
    approval_id     text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('command', 'bulk', 'campaign', 'settings')),
    subject         text,
    device_ids      text[] NOT NULL,
    shown           jsonb NOT NULL,
    call            jsonb NOT NULL,
    request_hash    bytea NOT NULL,
    rights          text[] NOT NULL,
    right_name      text,
    reason          text NOT NULL,
    status          text NOT NULL DEFAULT 'AWAITING'
                    CHECK (status IN ('AWAITING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELLED')),
    asked_by_kind   text NOT NULL,
    asked_by        text NOT NULL,
    asked_by_key    text,
    asked_by_name   text NOT NULL,
    asked_at        timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    key_path        text,
    key             text,
    decided_by_kind text,
    decided_by      text,
    decided_by_key  text,
    decided_by_name text,
    decided_at      timestamptz,
    comment         text,
    error           jsonb,
    refused         jsonb NOT NULL DEFAULT '{}',
    done_at         timestamptz,
    PRIMARY KEY (org_id, approval_id)
);
CREATE INDEX approval_recent ON approval (org_id, asked_at DESC, approval_id DESC);
CREATE INDEX approval_subject ON approval (org_id, subject);
CREATE UNIQUE INDEX approval_reserved ON approval (org_id, subject) WHERE done_at IS NULL;
CREATE INDEX approval_key ON approval (org_id, key_path, key) WHERE key IS NOT NULL;
CREATE INDEX approval_waiting ON approval (expires_at) WHERE status = 'AWAITING';
CREATE INDEX approval_decided ON approval (decided_at) WHERE status <> 'AWAITING' AND done_at IS NULL;
CREATE INDEX approval_campaign ON approval (org_id) WHERE kind = 'campaign' AND done_at IS NULL;
CREATE INDEX approval_old ON approval (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE approval IS 'A call that waits, or waited, for a second person: as it was made, not as rows of what it will make.';
COMMENT ON COLUMN approval.subject IS 'The id that was promised, of a command, a batch or a campaign: reserved until the call has become one.';
COMMENT ON COLUMN approval.shown IS 'What a person approves: {"command","terms","settings"}.';
COMMENT ON COLUMN approval.call IS 'What carries it out needs of the call.';
COMMENT ON COLUMN approval.rights IS 'What asker and approver must have, when it is asked, decided and carried out.';
COMMENT ON COLUMN approval.done_at IS 'When the decision had its effect: one without it is carried out again, which does nothing twice.';
COMMENT ON COLUMN approval.refused IS 'Targets of which nothing became, with why.';

CREATE TABLE capped_dispatch (
    org_id      text NOT NULL REFERENCES org,
    dispatch_id bigint GENERATED ALWAYS AS IDENTITY,
    sent_at     timestamptz NOT NULL DEFAULT now(),
    targets     integer NOT NULL,
    PRIMARY KEY (org_id, dispatch_id)
);
CREATE INDEX capped_dispatch_lately ON capped_dispatch (org_id, sent_at);
CREATE INDEX capped_dispatch_old ON capped_dispatch (sent_at);
COMMENT ON TABLE capped_dispatch IS 'Targets of dangerous commands that were sent without an approval, where an organisation caps them.';

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
        'command_description', 'secret', 'certificate', 'approval', 'capped_dispatch', 'event_mark', 'line_takeover', 'cloud_sync_queue', 'aggregated',
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
