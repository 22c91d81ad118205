-- name: create @org
INSERT INTO device_group (org_id, group_id, name, timezone, query, words, trusted, volatile)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
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

-- name: describe @org
UPDATE device_group SET name = $3, timezone = $4 WHERE org_id = $1 AND group_id = $2 RETURNING group_id

-- name: mean @org
-- Another query; its members are to be found.
UPDATE device_group SET query = $3, words = $4, trusted = $5, volatile = $6, evaluated_at = NULL
WHERE org_id = $1 AND group_id = $2

-- name: delete @org
-- Gives its members: the snapshot is from before they go with it.
DELETE FROM device_group g WHERE org_id = $1 AND group_id = $2
RETURNING ARRAY(SELECT m.device_id FROM device_group_member m
                WHERE m.org_id = g.org_id AND m.group_id = g.group_id ORDER BY m.device_id)

-- name: lock
-- A group whose members are named by hand.
SELECT true FROM device_group WHERE org_id = $1 AND group_id = $2 AND query IS NULL FOR SHARE

-- name: change_alone
-- Which groups there are, and whom they mean: nobody settles members meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('groups ' || $1, 0))

-- name: hold
-- Which groups there are, and whom they mean, stays as it is until the commit.
SELECT pg_advisory_xact_lock_shared(hashtextextended('groups ' || $1, 0))

-- name: lock_devices @org
-- Sorted, so that no two calls deadlock.
SELECT device_id FROM device
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL
ORDER BY device_id
FOR UPDATE

-- name: dynamic @org
-- The groups that mean their members by a query.
SELECT * FROM device_group WHERE org_id = $1 AND query IS NOT NULL ORDER BY group_id

-- name: all_dynamic
SELECT * FROM device_group WHERE query IS NOT NULL ORDER BY org_id, group_id

-- name: settle @org
-- Brings those among these devices into a group that a trusted query means, and the others out; its
-- condition stands in for the comment. Says whom.
WITH meant AS (
    SELECT d.device_id FROM device d
    WHERE d.org_id = $1 AND d.device_id = ANY ($3::text[]) AND d.deleted_at IS NULL AND /*query*/ true
), came AS (
    INSERT INTO device_group_member (org_id, group_id, device_id)
    SELECT $1, $2, device_id FROM meant
    ON CONFLICT DO NOTHING
    RETURNING device_id
), went AS (
    DELETE FROM device_group_member m
    WHERE m.org_id = $1 AND m.group_id = $2 AND m.device_id = ANY ($3)
      AND NOT EXISTS (SELECT 1 FROM meant WHERE meant.device_id = m.device_id)
    RETURNING device_id
)
SELECT device_id, true AS comes FROM came UNION ALL SELECT device_id, false FROM went

-- name: unsettled @org
-- Devices that are to come into a group of a trusted query, or out.
SELECT d.device_id FROM device d
WHERE d.org_id = $1 AND d.deleted_at IS NULL
  AND (/*query*/ true) <> EXISTS (SELECT 1 FROM device_group_member m WHERE m.org_id = d.org_id
                                  AND m.group_id = $2 AND m.device_id = d.device_id)
ORDER BY d.device_id
LIMIT $3

-- name: swept @org
-- Who is to come into a group of any query, or out.
WITH meant AS (
    SELECT d.device_id
    FROM (SELECT * FROM device WHERE org_id = $1 AND deleted_at IS NULL AND /*few*/ true) d
    LEFT JOIN device_state s USING (org_id, device_id)
    LEFT JOIN device_line l USING (org_id, device_id)
    LEFT JOIN replica r USING (replica_id)
    CROSS JOIN LATERAL (
        SELECT r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS connected,
               coalesce(now() - s.heard_at BETWEEN interval '0' AND interval '90 seconds', false) AS heard
    ) line
    CROSS JOIN LATERAL (
        SELECT CASE WHEN connected THEN s.status WHEN heard THEN 'ONLINE' ELSE 'OFFLINE' END AS shown_status
    ) shown
    WHERE /*query*/ true
), members AS (
    SELECT device_id FROM device_group_member WHERE org_id = $1 AND group_id = $2
)
SELECT coalesce(meant.device_id, members.device_id) AS device_id, members.device_id IS NULL AS comes
FROM meant FULL JOIN members USING (device_id)
WHERE meant.device_id IS NULL OR members.device_id IS NULL

-- name: still_means @org
SELECT true FROM device_group WHERE org_id = $1 AND group_id = $2 AND query = $3 FOR SHARE

-- name: evaluated @org
UPDATE device_group SET evaluated_at = now() WHERE org_id = $1 AND group_id = $2 AND query = $3

-- name: has_defaults @org
SELECT EXISTS (SELECT 1 FROM device_group_config WHERE org_id = $1 AND group_id = $2)

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
