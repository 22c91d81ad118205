-- Whose clock on the wall windows and schedules mean.

ALTER TABLE org ADD COLUMN timezone text NOT NULL DEFAULT 'UTC';
ALTER TABLE device_group ADD COLUMN timezone text;
ALTER TABLE device ADD COLUMN timezone text;
COMMENT ON COLUMN device.timezone IS 'Its own; null means that of its groups or its organisation.';

CREATE FUNCTION timezone_of(org text, device text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT coalesce((SELECT g.timezone FROM device_group_member m JOIN device_group g USING (org_id, group_id)
                     WHERE m.org_id = o.org_id AND m.device_id = device AND g.timezone IS NOT NULL
                     ORDER BY lower(g.name) LIMIT 1),
                    o.timezone)
    FROM org o
    WHERE o.org_id = org
      AND coalesce(nullif(current_setting('longline.org', true), ''), org) = org
$$;
COMMENT ON FUNCTION timezone_of IS 'The time zone (its IANA name) of a device that has none of its own: of the first of its groups by name that has one, else of its organisation. The same for whoever may see the device, also where he does not see all of its groups.';

ALTER TABLE campaign_device ADD COLUMN zone text NOT NULL DEFAULT 'UTC';
COMMENT ON COLUMN campaign_device.zone IS 'The time zone of the device when it came in, where a window follows it.';
