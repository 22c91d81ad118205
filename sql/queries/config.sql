-- name: lock @org
-- The configuration of these devices, locked in a fixed order.
SELECT c.* FROM device_config c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
ORDER BY 1, 2
FOR UPDATE OF c

-- name: read @org
-- The configuration of these devices.
SELECT c.* FROM device_config c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)

-- name: lock_of_lines
-- The same of devices whose line is still the newest.
SELECT c.* FROM device_config c
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS t (org_id, device_id, generation)
     USING (org_id, device_id)
JOIN device_line l USING (org_id, device_id, generation)
ORDER BY 1, 2
FOR UPDATE OF c

-- name: set_desired
UPDATE device_config c
SET desired = n.desired, desired_version = n.version, highest_version = n.version,
    own = n.own, own_version = n.version, status = 'pending', error = NULL
FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[], $5::jsonb[])
     AS n (org_id, device_id, desired, version, own)
WHERE c.org_id = n.org_id AND c.device_id = n.device_id

-- name: add_history
INSERT INTO device_config_history (org_id, device_id, version, actor, command_id, patch,
                                   base_version, document)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[],
                     $7::bigint[], $8::jsonb[])

-- name: base @org
-- The own part before a push that had no effect.
SELECT h.base_version AS version, coalesce(b.document, '{}') AS document
FROM device_config_history h
LEFT JOIN device_config_history b ON b.org_id = h.org_id AND b.device_id = h.device_id
                                 AND b.version = h.base_version
WHERE h.org_id = $1 AND h.device_id = $2 AND h.version = $3 AND h.without_effect
  AND (b.document IS NOT NULL OR h.base_version = 0)

-- name: document @org
-- What the own part was with a push, while that is kept.
SELECT document FROM device_config_history
WHERE org_id = $1 AND device_id = $2 AND version = $3

-- name: note_ends @org
-- How pushes ended; answers those of which that was not known.
UPDATE device_config_history h
SET outcome = n.outcome, device_version = n.device_version, error = n.error, ended_at = now(),
    without_effect = n.without_effect
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::boolean[])
     AS n (org_id, command_id, outcome, device_version, error, without_effect)
WHERE h.org_id = n.org_id AND h.command_id = n.command_id AND h.outcome = 'pending'
RETURNING h.*

-- name: pushes
-- The last push of each of these devices, and the one that the device says it has undone: of that
-- one it is noted, whatever its command came to.
WITH undone AS (
    UPDATE device_config_history h
    SET outcome = 'rolled_back', ended_at = coalesce(h.ended_at, now()), without_effect = true
    FROM unnest($1::text[], $2::text[], $3::text[]) AS n (org_id, device_id, command_id)
    WHERE h.org_id = n.org_id AND h.device_id = n.device_id AND h.command_id = n.command_id
      AND h.outcome <> 'applied'
    RETURNING h.*
)
SELECT * FROM undone
UNION ALL
SELECT h.* FROM device_config_history h
JOIN device_config c ON c.org_id = h.org_id AND c.device_id = h.device_id
                    AND c.own_version = h.version
JOIN unnest($1::text[], $2::text[]) AS n (org_id, device_id)
     ON n.org_id = h.org_id AND n.device_id = h.device_id

-- name: report @org
-- What devices have, and how that compares; and what is desired without what was taken out.
UPDATE device_config c
SET reported = n.reported, reported_version = n.version, reported_hash = n.hash,
    status = n.status, error = n.error, desired = n.desired, desired_version = n.desired_version,
    refused = n.refused, retried = n.retried, own = n.own, own_version = n.own_version,
    defaults = n.defaults, highest_version = n.highest_version,
    changed_at = CASE WHEN $12 AND n.status = 'pending' THEN clock_timestamp() ELSE c.changed_at END
FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[], $5::text[], $6::text[], $7::text[],
            $8::jsonb[], $9::bigint[], $10::bigint[], $11::bigint[], $13::jsonb[], $14::bigint[],
            $15::jsonb[], $16::bigint[])
     AS n (org_id, device_id, reported, version, hash, status, error, desired, desired_version,
           refused, retried, own, own_version, defaults, highest_version)
WHERE c.org_id = n.org_id AND c.device_id = n.device_id

-- name: differing
-- Those among these devices that have another configuration than is desired, and no push under way.
SELECT c.* FROM device_config c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
WHERE c.status = 'pending' AND c.refused IS DISTINCT FROM c.desired_version
  AND NOT EXISTS (SELECT 1 FROM device_config_history h
                  WHERE h.org_id = c.org_id AND h.device_id = c.device_id AND h.outcome = 'pending')

-- name: get @org
SELECT * FROM device_config WHERE org_id = $1 AND device_id = $2

-- name: history @org
-- Newest first.
SELECT * FROM device_config_history
WHERE org_id = $1 AND device_id = $2 AND version < (SELECT coalesce($3::bigint, 9223372036854775807))
ORDER BY version DESC LIMIT $4

-- name: forget
-- All but the last pushes of each device.
DELETE FROM device_config_history h USING device_config c
WHERE c.org_id = h.org_id AND c.device_id = h.device_id
  AND h.version < c.own_version AND h.version <= c.desired_version - $1::bigint

-- name: forget_documents
-- What old pushes made, beyond so many of each device; but for what is desired, and what is desired
-- again should a push fail.
UPDATE device_config_history h SET document = NULL
FROM device_config c
WHERE c.org_id = h.org_id AND c.device_id = h.device_id AND h.document IS NOT NULL
  AND h.version < c.own_version AND h.version <= c.highest_version - $1::bigint
  AND NOT EXISTS (SELECT 1 FROM device_config_history p
                  WHERE p.org_id = h.org_id AND p.device_id = h.device_id
                    AND p.base_version = h.version AND p.outcome = 'pending')

-- name: schemas @org
-- The schemas of these organisations. Text, because jsonb would lose the order of keywords.
SELECT org_id, schema, updated_at, updated_by FROM config_schema WHERE org_id = ANY ($1::text[])

-- name: set_schema @org
INSERT INTO config_schema (org_id, schema, updated_by) VALUES ($1, $2, $3)
ON CONFLICT (org_id) DO UPDATE
SET schema = excluded.schema, updated_at = clock_timestamp(), updated_by = excluded.updated_by

-- name: delete_schema @org
DELETE FROM config_schema WHERE org_id = $1 RETURNING org_id

-- name: hidden @org
-- What hides in configurations of an organisation, by the present schema or a former one.
SELECT schema FROM config_hidden WHERE org_id = $1

-- name: remember_hidden @org
INSERT INTO config_hidden (org_id, digest, schema)
VALUES ($1, sha256(convert_to($2, 'UTF8')), $2)
ON CONFLICT DO NOTHING

-- name: group_default @org
SELECT document, priority, updated_at, updated_by FROM device_group_config
WHERE org_id = $1 AND group_id = $2

-- name: is_trusted @org
-- Of a group; it stays so until the commit.
SELECT trusted FROM device_group WHERE org_id = $1 AND group_id = $2 FOR SHARE

-- name: set_group_default @org
INSERT INTO device_group_config (org_id, group_id, document, priority, updated_by)
SELECT org_id, group_id, $3, $4, $5 FROM device_group WHERE org_id = $1 AND group_id = $2
ON CONFLICT (org_id, group_id) DO UPDATE
SET document = excluded.document, priority = excluded.priority, updated_by = excluded.updated_by,
    updated_at = clock_timestamp()
RETURNING group_id

-- name: delete_group_default @org
DELETE FROM device_group_config WHERE org_id = $1 AND group_id = $2 RETURNING group_id

-- name: defaults @org
-- What the groups of these devices give them.
SELECT m.device_id, c.group_id, c.priority, c.document
FROM device_group_member m JOIN device_group_config c USING (org_id, group_id)
WHERE m.org_id = $1 AND m.device_id = ANY ($2::text[])

-- name: members_of_group @org
-- In order of their ids, those behind one ($3).
SELECT device_id FROM device_group_member
WHERE org_id = $1 AND group_id = $2 AND device_id > $3
ORDER BY device_id LIMIT $4

-- name: go_stale @org
-- What the groups of these devices give has changed, by one of them ($2): each has its turn.
UPDATE device_config SET stale_for = $2 WHERE org_id = $1 AND device_id = ANY ($3::text[])

-- name: go_stale_all @org
-- The same of all that are in the group.
UPDATE device_config c SET stale_for = $2
FROM device_group_member m
WHERE m.org_id = $1 AND m.group_id = $2 AND c.org_id = m.org_id AND c.device_id = m.device_id

-- name: stale_groups
-- Groups of which members have their turn before them.
WITH RECURSIVE groups AS (
    (SELECT org_id, stale_for FROM device_config WHERE stale_for IS NOT NULL
     ORDER BY org_id, stale_for LIMIT 1)
    UNION ALL
    SELECT n.org_id, n.stale_for FROM groups g CROSS JOIN LATERAL (
        SELECT org_id, stale_for FROM device_config
        WHERE stale_for IS NOT NULL AND (org_id, stale_for) > (g.org_id, g.stale_for)
        ORDER BY org_id, stale_for LIMIT 1) n
)
SELECT * FROM groups

-- name: take_turn @org
-- So many ($3) members of a group whose turn it is.
UPDATE device_config c SET stale_for = NULL
FROM (SELECT org_id, device_id FROM device_config
      WHERE org_id = $1 AND stale_for = $2
      ORDER BY device_id LIMIT $3 FOR UPDATE SKIP LOCKED) t
WHERE c.org_id = t.org_id AND c.device_id = t.device_id
RETURNING c.device_id
