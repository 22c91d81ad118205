-- name: groups @org
SELECT group_id, name, trusted FROM device_group WHERE org_id = $1
