-- Whether the programs that a device is made of are ready.

ALTER TABLE device_state ADD COLUMN agents jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN device_state.agents IS 'The programs of the device, and whether each is ready: what it last said of them on its newest line.';
