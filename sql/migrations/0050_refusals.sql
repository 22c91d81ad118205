-- Why devices do not get an application that matches them.

ALTER TABLE device_workloads ADD COLUMN refused jsonb NOT NULL DEFAULT '{}';
CREATE INDEX device_workloads_refused ON device_workloads (org_id, device_id) WHERE refused <> '{}';
COMMENT ON COLUMN device_workloads.refused IS 'By application, why its target does not give it: {"revision","version","code","message","retryAt"}; empty again when the device shall have something else.';
