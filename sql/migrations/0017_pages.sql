-- Indexes for what is read page by page.

CREATE INDEX status_event_received ON status_event USING brin (received_at)
    WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX status_event_received IS 'For the roll-up, which reads the newest minute of all devices.';
CREATE INDEX event_status ON event (org_id, device_id, received_at) WHERE type = 'status';
CREATE INDEX log_line_warned ON log_line (org_id, device_id, received_at, level) WHERE level >= 2;
CREATE INDEX log_line_command ON log_line (org_id, device_id, command_id, received_at)
    WHERE command_id IS NOT NULL;

ALTER TABLE command ADD COLUMN failed text GENERATED ALWAYS AS (CASE status
                        WHEN 'FAILED' THEN 'FAILED'
                        WHEN 'REJECTED' THEN 'REJECTED'
                        WHEN 'CANCELLED' THEN 'CANCELLED'
                        WHEN 'TIMEOUT' THEN 'TIMEOUT'
                        WHEN 'EXPIRED' THEN 'EXPIRED'
                        WHEN 'UNKNOWN' THEN 'UNKNOWN' END) STORED;
COMMENT ON COLUMN command.failed IS 'The status of one that ended in another than SUCCESS. No index is on status: each step of a command would write to all of them. As text: the equality of an enum is not leakproof, so under row-level security it would use no index.';
CREATE INDEX command_failed ON command (org_id, failed, created_at DESC, command_id DESC) WHERE failed IS NOT NULL;
CREATE INDEX command_device ON command (org_id, device_id, created_at DESC, command_id DESC);
DROP INDEX command_batch;
CREATE INDEX command_batch ON command (org_id, batch_id, created_at DESC, command_id DESC) WHERE batch_id IS NOT NULL;

CREATE INDEX audit_log_actor ON audit_log (org_id, actor, at);

CREATE INDEX device_state_wrong ON device_state (org_id, status, device_id) WHERE status IN ('DISABLED', 'DEGRADED', 'ERROR');
CREATE INDEX device_line_connected ON device_line (org_id, connected_at DESC, device_id DESC) WHERE closed_at IS NULL;

CREATE INDEX app_user_recent ON app_user (org_id, created_at DESC, user_id DESC);
CREATE INDEX app_user_admin ON app_user (org_id, user_id) WHERE role = 'ADMIN' AND NOT disabled;
CREATE INDEX api_key_recent ON api_key (org_id, created_at DESC, key_id DESC);
CREATE INDEX api_key_user ON api_key (org_id, user_id, created_at DESC, key_id DESC);
CREATE INDEX device_group_recent ON device_group (org_id, created_at DESC, group_id DESC);
CREATE INDEX firmware_release_recent ON firmware_release (org_id, created_at DESC, release_id DESC);
CREATE INDEX campaign_device_failed_at ON campaign_device (org_id, finished_at) WHERE status = 'FAILED';
