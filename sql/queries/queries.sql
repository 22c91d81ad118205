-- name: groups @org
SELECT group_id, name, trusted FROM device_group WHERE org_id = $1

-- name: meant @org
-- The devices that a trusted query means, which needs nothing but them; its conditions stand in for the
-- comments.
SELECT coalesce(array_agg(d.device_id), '{}')
FROM (SELECT * FROM device WHERE org_id = $1 AND deleted_at IS NULL AND /*few*/ true) d
WHERE /*query*/ true
