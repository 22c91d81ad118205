-- Records of production and their way to the cloud; what devices say of their configuration.

CREATE TABLE aggregated (
    org_id      text NOT NULL,
    record_id   text NOT NULL,
    kind        text NOT NULL,
    company_id  text NOT NULL,
    device_id   text NOT NULL,
    ts          timestamptz NOT NULL,
    data        jsonb NOT NULL,
    digest      bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, record_id, kind)
) PARTITION BY LIST (kind);
CREATE TABLE aggregated_bottle PARTITION OF aggregated FOR VALUES IN ('bottle');
CREATE TABLE aggregated_batch PARTITION OF aggregated FOR VALUES IN ('batch');
CREATE TABLE aggregated_pallet PARTITION OF aggregated FOR VALUES IN ('pallet');
CREATE TABLE aggregated_fixation PARTITION OF aggregated FOR VALUES IN ('fixation');
CREATE INDEX aggregated_age ON aggregated (received_at);
COMMENT ON TABLE aggregated IS 'What devices produced, one partition a kind. A record is committed here and in cloud_sync_queue together.';
COMMENT ON COLUMN aggregated.digest IS 'Of the content: the same record again is accepted, another with its id is a conflict.';

CREATE TABLE cloud_sync_queue (
    org_id      text NOT NULL,
    queue_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id   text NOT NULL,
    company_id  text NOT NULL,
    kind        text NOT NULL,
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'dead')),
    attempts    integer NOT NULL DEFAULT 0,
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    UNIQUE (org_id, record_id),
    CHECK ((finished_at IS NULL) = (status = 'pending'))
) WITH (fillfactor = 70);
CREATE INDEX cloud_sync_queue_next ON cloud_sync_queue (org_id, company_id, kind, queue_id) WHERE status = 'pending';
CREATE INDEX cloud_sync_queue_waiting ON cloud_sync_queue (org_id, created_at) WHERE status = 'pending';
CREATE INDEX cloud_sync_queue_dead ON cloud_sync_queue (org_id, finished_at DESC, record_id DESC) WHERE status = 'dead';
CREATE INDEX cloud_sync_queue_finished ON cloud_sync_queue (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON COLUMN cloud_sync_queue.queue_id IS 'The order within a lane: a device hands in its next records when these are committed.';

CREATE TABLE cloud_sync_lane (
    org_id      text NOT NULL,
    company_id  text NOT NULL,
    kind        text NOT NULL,
    replica_id  text,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    retry_at    timestamptz NOT NULL DEFAULT '-infinity',
    failures    integer NOT NULL DEFAULT 0,
    error       text,
    failed_at   timestamptz,
    PRIMARY KEY (org_id, company_id, kind)
) WITH (fillfactor = 50);
COMMENT ON TABLE cloud_sync_lane IS 'One company and kind: pushed by the one replica that holds the lease, in order, and not before retry_at.';

CREATE TABLE config_schema (
    org_id     text PRIMARY KEY REFERENCES org,
    schema     text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);
COMMENT ON TABLE config_schema IS 'The JSON Schema that every desired configuration must satisfy; no row, no rule.';

ALTER TABLE device_config ADD COLUMN reported_hash text;
COMMENT ON COLUMN device_config.reported_hash IS 'What the device last named as the hash of its configuration; null for a device that names none.';
ALTER TABLE device_config_history ADD COLUMN device_version bigint;
ALTER TABLE device_config_history ADD COLUMN error text;
ALTER TABLE device_config_history ADD COLUMN ended_at timestamptz;
COMMENT ON COLUMN device_config_history.device_version IS 'The version under which the device keeps it.';

ALTER TABLE device ADD COLUMN mode_changed_at timestamptz;
CREATE INDEX device_mode_changed ON device (mode_changed_at) WHERE mode_changed_at IS NOT NULL;
COMMENT ON COLUMN device.mode_changed_at IS 'When connection_mode was last set: replicas tell the lines that were open then.';
