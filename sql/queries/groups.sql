-- name: create @org
INSERT INTO device_group (org_id, group_id, name) VALUES ($1, $2, $3)
RETURNING *, 0::bigint AS member_count

-- name: get @org
SELECT g.*, (SELECT count(*) FROM device_group_member m
             WHERE m.org_id = g.org_id AND m.group_id = g.group_id) AS member_count
FROM device_group g WHERE org_id = $1 AND group_id = $2

-- name: list @org
-- Newest first.
SELECT g.*, (SELECT count(*) FROM device_group_member m
             WHERE m.org_id = g.org_id AND m.group_id = g.group_id) AS member_count
FROM device_group g
WHERE org_id = $1
  AND (created_at, group_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, group_id DESC
LIMIT $4

-- name: rename @org
UPDATE device_group SET name = $3 WHERE org_id = $1 AND group_id = $2 RETURNING group_id

-- name: delete @org
-- Gives its members: the snapshot is from before they go with it. What was bound to it goes, too.
WITH bound AS (
    DELETE FROM role_binding WHERE org_id = $1 AND scope_kind = 'group' AND scope_id = $2
)
DELETE FROM device_group g WHERE org_id = $1 AND group_id = $2
RETURNING ARRAY(SELECT m.device_id FROM device_group_member m
                WHERE m.org_id = g.org_id AND m.group_id = g.group_id ORDER BY m.device_id)

-- name: lock
SELECT true FROM device_group WHERE org_id = $1 AND group_id = $2 FOR SHARE

-- name: add_members @org
INSERT INTO device_group_member (org_id, group_id, device_id)
SELECT $1, $2, unnest($3::text[])
ON CONFLICT DO NOTHING

-- name: remove_members @org
DELETE FROM device_group_member
WHERE org_id = $1 AND group_id = $2 AND device_id = ANY ($3::text[])

-- name: members @org
-- The devices of any of these groups.
SELECT DISTINCT device_id FROM device_group_member
WHERE org_id = $1 AND group_id = ANY ($2::text[])
ORDER BY device_id

-- name: members_of_each @org
-- The devices of each of these groups.
SELECT g.group_id, ARRAY(SELECT m.device_id FROM device_group_member m
                         WHERE m.org_id = $1 AND m.group_id = g.group_id) AS device_ids
FROM unnest($2::text[]) AS g (group_id)

-- name: is_scope @org
-- Whether rights are bound to a group.
SELECT EXISTS (SELECT 1 FROM role_binding WHERE org_id = $1 AND scope_id = $2 AND scope_kind = 'group')
