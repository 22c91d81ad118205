-- Any software as firmware: releases have a type, and devices say what they install and have.

ALTER TABLE firmware_release ADD COLUMN type text NOT NULL DEFAULT 'agent';
ALTER TABLE firmware_release DROP CONSTRAINT firmware_release_org_id_channel_version_key;
ALTER TABLE firmware_release ADD UNIQUE (org_id, type, channel, version);

ALTER TABLE device_line ADD COLUMN software jsonb;
COMMENT ON COLUMN device_line.software IS 'What the last hello said of installers, versions, barred artifacts and missing keys; null when it said nothing of them.';
