-- Devices that stay on their line, and of which nothing is taken and to which nothing is given.

ALTER TABLE device
    ADD COLUMN quarantined_at timestamptz,
    ADD COLUMN quarantined_by text,
    ADD COLUMN quarantine_reason text;
CREATE INDEX device_quarantined ON device (org_id, device_id) WHERE quarantined_at IS NOT NULL;
COMMENT ON COLUMN device.quarantined_at IS 'Since when nothing is taken of it and nothing is given to it; null when it is in no quarantine.';
