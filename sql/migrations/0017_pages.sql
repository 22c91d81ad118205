-- Indexes for what is read page by page.

CREATE INDEX status_event_received ON status_event USING brin (received_at)
    WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX status_event_received IS 'For the roll-up, which reads the newest minute of all devices.';
CREATE INDEX event_status ON event (org_id, device_id, received_at) WHERE type = 'status';
CREATE INDEX log_line_warned ON log_line (org_id, device_id, received_at, level) WHERE level >= 2;
CREATE INDEX log_line_command ON log_line (org_id, device_id, command_id, received_at)
    WHERE command_id IS NOT NULL;
