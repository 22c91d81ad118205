-- A stream of server-sent events comes back by the ticket that opened it.

ALTER TABLE ws_ticket ADD COLUMN opened_at timestamptz;
COMMENT ON COLUMN ws_ticket.opened_at IS 'When it opened a stream, which may come back by it until token_expires_at; null: it opens one socket or stream until expires_at.';

-- The history of the whole fleet, newest first.

CREATE INDEX event_received ON event (org_id, received_at);
CREATE INDEX status_event_fleet ON status_event (org_id, received_at);
CREATE INDEX log_line_received ON log_line (org_id, received_at);
CREATE INDEX device_reborn ON device (org_id, reborn_at) WHERE reborn_at IS NOT NULL;
