-- A device that was deleted and is registered anew shares nothing with the former one.

ALTER TABLE device ADD COLUMN reborn_at timestamptz;
COMMENT ON COLUMN device.reborn_at IS 'When a deleted device was registered anew: what is older is of the former one.';

CREATE FUNCTION born(org text, device text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT d.reborn_at FROM device d WHERE d.org_id = org AND d.device_id = device),
                    '-infinity')
$$;
COMMENT ON FUNCTION born IS 'From when on what is stored under the id of a device is its own.';
