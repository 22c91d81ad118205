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
