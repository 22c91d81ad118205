-- A stream of server-sent events comes back by the ticket that opened it.

ALTER TABLE ws_ticket ADD COLUMN opened_at timestamptz;
COMMENT ON COLUMN ws_ticket.opened_at IS 'When it opened a stream, which may come back by it until token_expires_at; null: it opens one socket or stream until expires_at.';
