-- Desired state: sections with a version each, handed over to devices whose state differs.

CREATE TABLE device_section (
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('production', 'mode')),
    version    bigint NOT NULL DEFAULT 0,
    document   jsonb NOT NULL,
    hash       text NOT NULL,
    taken      jsonb,
    taken_hash text,
    refused    bigint,
    error      jsonb,
    changed_at timestamptz,
    PRIMARY KEY (org_id, device_id, kind),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
COMMENT ON TABLE device_section IS 'What a device should have, and has, beside its configuration; no row, what every device begins with.';
COMMENT ON COLUMN device_section.hash IS 'SHA-256 in hex of the document as canonical JSON.';
COMMENT ON COLUMN device_section.taken IS 'What the device has; null while that is not known, or is none of what the hub knows.';
COMMENT ON COLUMN device_section.refused IS 'The version that the device could not take, or has undone: it is not handed over again.';
COMMENT ON COLUMN device_section.changed_at IS 'When it may have begun to differ: replicas hand it over to the lines that were open then.';
CREATE INDEX device_section_changed ON device_section (changed_at) WHERE changed_at IS NOT NULL;

INSERT INTO device_section (org_id, device_id, kind, version, document, hash)
SELECT org_id, device_id, 'mode', 1, jsonb_build_object('mode', connection_mode),
       encode(sha256(convert_to(format('{"mode":"%s"}', connection_mode), 'UTF8')), 'hex')
FROM device WHERE connection_mode <> 'VIA_LOCAL_SERVER';

DROP INDEX device_mode_changed;
ALTER TABLE device DROP COLUMN mode_changed_at;
COMMENT ON COLUMN device.connection_mode IS 'As the section mode of its desired state says: a copy, for lists.';

ALTER TABLE device_config ADD COLUMN refused bigint;
ALTER TABLE device_config ADD COLUMN retried bigint;
ALTER TABLE device_config ADD COLUMN changed_at timestamptz;
CREATE INDEX device_config_history_pending ON device_config_history (org_id, device_id) WHERE outcome = 'pending';
COMMENT ON COLUMN device_config.refused IS 'The desired version that the device could not take, or has undone: it is not handed over again.';
COMMENT ON COLUMN device_config.retried IS 'The desired version that it shall try all the same.';
COMMENT ON COLUMN device_config.changed_at IS 'When it may have begun to differ: replicas hand it over to the lines that were open then.';
CREATE INDEX device_config_changed ON device_config (changed_at) WHERE changed_at IS NOT NULL;
