-- A stream of server-sent events comes back by the ticket that opened it.

ALTER TABLE ws_ticket ADD COLUMN opened_at timestamptz;
COMMENT ON COLUMN ws_ticket.opened_at IS 'When it opened a stream, which may come back by it until token_expires_at; null: it opens one socket or stream until expires_at.';

-- The history of the whole fleet, newest first.

CREATE INDEX event_received ON event (org_id, received_at);
CREATE INDEX status_event_fleet ON status_event (org_id, received_at);
CREATE INDEX log_line_received ON log_line (org_id, received_at);
CREATE INDEX device_reborn ON device (org_id, reborn_at) WHERE reborn_at IS NOT NULL;

-- Records of production, newest first, of a device, and by their ids.

CREATE INDEX aggregated_received ON aggregated (org_id, received_at, device_id, record_id);
CREATE INDEX aggregated_of_device ON aggregated (org_id, device_id, received_at);
CREATE INDEX aggregated_id ON aggregated (org_id, record_id);
ALTER TABLE cloud_sync_queue DROP CONSTRAINT cloud_sync_queue_status_check;
ALTER TABLE cloud_sync_queue ADD CONSTRAINT cloud_sync_queue_status_check
    CHECK (status IN ('pending', 'done', 'dead', 'discarded'));
COMMENT ON COLUMN cloud_sync_queue.status IS 'discarded: a dead letter that somebody deleted. It is shown nowhere but as what became of its record.';
CREATE INDEX cloud_sync_queue_never ON cloud_sync_queue (org_id, device_id, record_id) WHERE status IN ('dead', 'discarded');
