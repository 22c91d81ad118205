-- One table of jobs with leases: who drives a campaign, pushes to the cloud, cleans up.
--
-- Campaigns and ways to the cloud had leases of their own.

CREATE TABLE job (
    job_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    org_id      text REFERENCES org,
    key         text NOT NULL DEFAULT '',
    next_run    timestamptz DEFAULT now(),
    wait        interval DEFAULT '0',
    holder      text,
    epoch       bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    last_run    timestamptz,
    failures    integer NOT NULL DEFAULT 0,
    last_error  text,
    UNIQUE NULLS NOT DISTINCT (kind, org_id, key),
    CHECK ((holder IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX job_due ON job (kind, next_run);
COMMENT ON TABLE job IS 'What is done again and again, by one replica at a time: the holder, until lease_until.';
COMMENT ON COLUMN job.org_id IS 'Null: of the whole installation.';
COMMENT ON COLUMN job.key IS 'What it is about, for its kind: a campaign, a company; empty when the kind has one job only.';
COMMENT ON COLUMN job.next_run IS 'When it is due; null: not until somebody has something for it.';
COMMENT ON COLUMN job.wait IS 'How long the wait for next_run was when it began; null when next_run is a moment of the calendar.';
COMMENT ON COLUMN job.epoch IS 'Grows whenever a replica takes it: the fence of what the one before still writes.';
COMMENT ON COLUMN job.last_run IS 'When a run ended last; of a job that is held on, as of its last renewal.';
COMMENT ON COLUMN job.failures IS 'In a row; last_error is of the last one.';

INSERT INTO job (kind, org_id, key)
SELECT 'campaign', org_id, campaign_id FROM campaign WHERE closed_at IS NULL ORDER BY created_at;

DROP INDEX campaign_open;
ALTER TABLE campaign DROP COLUMN driver, DROP COLUMN driver_until;

INSERT INTO job (kind, org_id, key, last_run, failures, last_error)
SELECT 'cloud_lane', org_id, company_id, failed_at, failures, error
FROM cloud_sync_lane ORDER BY org_id, company_id;

DROP TABLE cloud_sync_lane;
