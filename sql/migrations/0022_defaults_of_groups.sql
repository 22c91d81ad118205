-- What groups give their devices of the configuration.

CREATE TABLE device_group_config (
    org_id     text NOT NULL,
    group_id   text NOT NULL,
    document   jsonb NOT NULL,
    priority   integer NOT NULL CHECK (priority BETWEEN 0 AND 1000),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    PRIMARY KEY (org_id, group_id),
    FOREIGN KEY (org_id, group_id) REFERENCES device_group ON DELETE CASCADE
);
COMMENT ON TABLE device_group_config IS 'What a group gives of the configuration: the documents of its groups are merged by rising priority, then id, and the own part of the device over them.';

ALTER TABLE device_config ADD COLUMN own jsonb NOT NULL DEFAULT '{}';
ALTER TABLE device_config ADD COLUMN own_version bigint NOT NULL DEFAULT 0;
ALTER TABLE device_config ADD COLUMN defaults jsonb NOT NULL DEFAULT '{}';
ALTER TABLE device_config ADD COLUMN stale_for text;
UPDATE device_config SET own = desired, own_version = desired_version WHERE desired_version > 0;
COMMENT ON COLUMN device_config.own IS 'The part of the device itself, which push_config moves.';
COMMENT ON COLUMN device_config.own_version IS 'The push that the own part ends with.';
COMMENT ON COLUMN device_config.defaults IS 'What the groups of the device gave it at its last turn; desired is the own part merged over it.';
COMMENT ON COLUMN device_config.stale_for IS 'The group that gives something else since; null when the device has had its turn.';
CREATE INDEX device_config_stale ON device_config (org_id, stale_for, device_id) WHERE stale_for IS NOT NULL;
