-- name: add
-- What replicas have counted, to the present day of each organisation; of one that is gone nothing.
INSERT INTO usage_day (org_id, day, devices, events, commands, bytes, calls)
SELECT n.org_id, (now() AT TIME ZONE 'UTC')::date,
       (SELECT count(*) FROM device d WHERE d.org_id = n.org_id AND d.deleted_at IS NULL),
       coalesce(n.events, 0), coalesce(n.commands, 0), coalesce(n.bytes, 0), coalesce(n.calls, 0)
FROM json_to_recordset($1::json)
     AS n (org_id text, events bigint, commands bigint, bytes bigint, calls bigint)
JOIN org o ON o.org_id = n.org_id AND o.ended_at IS NULL
ORDER BY n.org_id
ON CONFLICT (org_id, day) DO UPDATE SET
    devices = excluded.devices, events = usage_day.events + excluded.events,
    commands = usage_day.commands + excluded.commands, bytes = usage_day.bytes + excluded.bytes,
    calls = usage_day.calls + excluded.calls

-- name: days @org
-- The oldest first; $2 and $3 the first and the last day.
SELECT * FROM usage_day
WHERE org_id = $1 AND day >= (SELECT coalesce($2::date, '-infinity')) AND day <= (SELECT coalesce($3::date, 'infinity'))
ORDER BY day
