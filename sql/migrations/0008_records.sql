-- Records: ids are a device's own, the order to the cloud is a company's.
--
-- Runs once, in a transaction, while replicas of the version before are still at work.

ALTER TABLE aggregated DROP CONSTRAINT aggregated_pkey;
ALTER TABLE aggregated ADD PRIMARY KEY (org_id, device_id, record_id, kind);

ALTER TABLE cloud_sync_queue ADD COLUMN device_id text;
UPDATE cloud_sync_queue q SET device_id = a.device_id
FROM aggregated a WHERE a.org_id = q.org_id AND a.record_id = q.record_id AND a.kind = q.kind;
ALTER TABLE cloud_sync_queue ALTER COLUMN device_id SET NOT NULL;
ALTER TABLE cloud_sync_queue DROP CONSTRAINT cloud_sync_queue_org_id_record_id_key;
ALTER TABLE cloud_sync_queue ADD UNIQUE (org_id, device_id, record_id);
DROP INDEX cloud_sync_queue_next;
CREATE INDEX cloud_sync_queue_next ON cloud_sync_queue (org_id, company_id, queue_id) WHERE status = 'pending';
CREATE INDEX cloud_sync_queue_share ON cloud_sync_queue (org_id, device_id) WHERE status = 'pending';
DROP INDEX cloud_sync_queue_dead;
CREATE INDEX cloud_sync_queue_dead ON cloud_sync_queue (org_id, finished_at DESC, queue_id DESC) WHERE status = 'dead';

DROP TABLE cloud_sync_lane;
CREATE TABLE cloud_sync_lane (
    org_id      text NOT NULL,
    company_id  text NOT NULL,
    replica_id  text,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    retry_at    timestamptz NOT NULL DEFAULT '-infinity',
    failures    integer NOT NULL DEFAULT 0,
    error       text,
    failed_at   timestamptz,
    PRIMARY KEY (org_id, company_id)
) WITH (fillfactor = 50);
INSERT INTO cloud_sync_lane (org_id, company_id) SELECT DISTINCT org_id, company_id FROM cloud_sync_queue;
COMMENT ON TABLE cloud_sync_lane IS 'One company: pushed by the one replica that holds the lease, in order over all kinds, and not before retry_at.';

-- A push that ended without effect is taken out of what is desired again.
ALTER TABLE device_config ADD COLUMN highest_version bigint NOT NULL DEFAULT 0;
UPDATE device_config SET highest_version = desired_version WHERE desired_version > 0;
COMMENT ON COLUMN device_config.highest_version IS 'Of all that were ever desired: a version that was taken back is never given to another document.';
ALTER TABLE device_config_history ADD COLUMN base_version bigint;
ALTER TABLE device_config_history ADD COLUMN document jsonb;
ALTER TABLE device_config_history ADD COLUMN without_effect boolean NOT NULL DEFAULT false;
UPDATE device_config_history h SET document = c.desired
FROM device_config c WHERE c.org_id = h.org_id AND c.device_id = h.device_id AND c.desired_version = h.version;
COMMENT ON COLUMN device_config_history.base_version IS 'The version that was desired before, on which the patch builds.';
COMMENT ON COLUMN device_config_history.document IS 'What the patch made of it; of the newest versions, and of those that may be needed again.';

-- Deployments: who may not take part any more, and whose failures are forgiven.
CREATE INDEX device_barred ON device (org_id, device_id) WHERE disabled OR deleted_at IS NOT NULL;
CREATE INDEX campaign_device_failed ON campaign_device (org_id, campaign_id) WHERE status = 'FAILED';
CREATE TABLE penalty_cleared (
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    cleared_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, device_id),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
COMMENT ON TABLE penalty_cleared IS 'Failures of the device before this moment keep it from no firmware.';
