-- name: end_tokens @org
-- No token of these devices is good from now on.
WITH changed AS (
    UPDATE device SET lowest = highest + 1 WHERE org_id = $1 AND device_id = ANY ($2::text[])
    RETURNING org_id, device_id, lowest, highest
)
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT org_id, 'device', device_id, lowest, highest FROM changed

-- name: add_state @org
INSERT INTO device_state (org_id, device_id) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: add_config @org
INSERT INTO device_config (org_id, device_id) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: create @org
-- By an administrator: new, or a deleted one brought back.
INSERT INTO device (org_id, device_id, name, company_id, production_line_id, timezone)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, device_id) DO UPDATE
SET name = excluded.name, company_id = excluded.company_id,
    production_line_id = excluded.production_line_id, timezone = excluded.timezone, deleted_at = NULL, disabled = false,
    version = NULL, connection_mode = DEFAULT,
    quarantined_at = NULL, quarantined_by = NULL, quarantine_reason = NULL,
    created_at = now(), reborn_at = now()
WHERE device.deleted_at IS NOT NULL
RETURNING reborn_at IS NOT NULL AS reborn

-- name: forget_former @org
-- What was noted of a deleted device with the same id; what was sent to it and has not ended is lost.
WITH state AS (
    UPDATE device_state SET status = 'OFFLINE', metrics = '{}', agents = '[]', last_seen = NULL
    WHERE org_id = $1 AND device_id = $2
), config AS (
    DELETE FROM device_config WHERE org_id = $1 AND device_id = $2
), history AS (
    DELETE FROM device_config_history WHERE org_id = $1 AND device_id = $2
), sections AS (
    DELETE FROM device_section WHERE org_id = $1 AND device_id = $2
), applications AS (
    DELETE FROM device_application WHERE org_id = $1 AND device_id = $2
), stops AS (
    DELETE FROM device_stop WHERE org_id = $1 AND device_id = $2
), variables AS (
    DELETE FROM device_variable WHERE org_id = $1 AND device_id = $2
), workloads AS (
    DELETE FROM device_workloads WHERE org_id = $1 AND device_id = $2
), reports AS (
    DELETE FROM workload_report WHERE org_id = $1 AND device_id = $2
), marks AS (
    DELETE FROM event_mark WHERE org_id = $1 AND device_id = $2
), labels AS (
    DELETE FROM device_label WHERE org_id = $1 AND device_id = $2
), line AS (
    UPDATE device_line SET software = NULL WHERE org_id = $1 AND device_id = $2
)
UPDATE command SET status = 'UNKNOWN', finished_at = now(), error = $3
WHERE org_id = $1 AND device_id = $2 AND finished_at IS NULL

-- name: get @org
-- One device as REST tells it; $1, $2. A line counts until its replica is declared dead: a lease that
-- ran out while Postgres stood still says nothing of it.
SELECT d.*, coalesce(d.timezone, timezone_of(d.org_id, d.device_id)) AS zone, s.metrics, s.agents, s.last_seen, l.generation,
       l.replica_id, l.software,
       r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS connected,
       s.status AS said,
       coalesce(now() - s.heard_at BETWEEN interval '0' AND interval '90 seconds', false) AS heard,
       ARRAY(SELECT m.group_id FROM device_group_member m
             WHERE m.org_id = d.org_id AND m.device_id = d.device_id
             ORDER BY m.group_id) AS group_ids,
       (SELECT jsonb_object_agg(x.kind, jsonb_build_object('wanted', x.document, 'taken', x.taken))
        FROM device_section x
        WHERE x.org_id = d.org_id AND x.device_id = d.device_id) AS sections,
       (SELECT jsonb_object_agg(b.key, b.value)
        FROM device_label b
        WHERE b.org_id = d.org_id AND b.device_id = d.device_id) AS labels
FROM device d
LEFT JOIN device_state s USING (org_id, device_id)
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN replica r USING (replica_id)
WHERE d.org_id = $1 AND d.device_id = $2 AND d.deleted_at IS NULL

-- name: list @org
-- Newest first; a filter that is null matches all. One branch runs: all, those with something wrong, those
-- of a group, or those with a tag. The limit within has the planner take the devices in order, and look up
-- what else belongs to them one by one, until the page is full.
SELECT device.*, coalesce(timezone, timezone_of(org_id, device_id)) AS zone,
       ARRAY(SELECT m.group_id FROM device_group_member m
             WHERE m.org_id = device.org_id AND m.device_id = device.device_id
             ORDER BY m.group_id) AS group_ids,
       (SELECT jsonb_object_agg(x.kind, jsonb_build_object('wanted', x.document, 'taken', x.taken))
        FROM device_section x
        WHERE x.org_id = device.org_id AND x.device_id = device.device_id) AS sections,
       (SELECT jsonb_object_agg(b.key, b.value)
        FROM device_label b
        WHERE b.org_id = device.org_id AND b.device_id = device.device_id) AS labels
FROM (
    SELECT d.*, s.metrics, s.agents, s.last_seen, l.generation, l.replica_id, l.software,
           r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS connected,
           s.status AS said,
           coalesce(now() - s.heard_at BETWEEN interval '0' AND interval '90 seconds', false) AS heard
    FROM ((
        SELECT * FROM device
        WHERE $4::text IS NULL AND $5::text IS NULL AND org_id = $1
          AND ($3::text[] <@ '{DISABLED,DEGRADED,ERROR}') IS NOT TRUE
          AND (created_at, device_id) < (
              (SELECT coalesce($7::timestamptz, 'infinity')), (SELECT coalesce($8, '')))
        ORDER BY created_at DESC, device_id DESC LIMIT $9::bigint * 1000000000
    ) UNION ALL (
        SELECT w.* FROM device_state v JOIN device w USING (org_id, device_id)
        WHERE $4 IS NULL AND $5 IS NULL AND v.org_id = $1
          AND $3 <@ '{DISABLED,DEGRADED,ERROR}' AND v.status = ANY ($3)
          AND v.status IN ('DISABLED', 'DEGRADED', 'ERROR')
        ORDER BY w.created_at DESC, w.device_id DESC OFFSET 0
    ) UNION ALL (
        SELECT g.* FROM device_group_member m JOIN device g USING (org_id, device_id)
        WHERE m.org_id = $1 AND m.group_id = $4
        ORDER BY g.created_at DESC, g.device_id DESC OFFSET 0
    ) UNION ALL (
        SELECT t.* FROM device_label b JOIN device t USING (org_id, device_id)
        WHERE $4 IS NULL AND b.org_id = $1 AND b.key = $5 AND b.value = ''
        ORDER BY t.created_at DESC, t.device_id DESC OFFSET 0
    )) d
    LEFT JOIN device_state s USING (org_id, device_id)
    LEFT JOIN device_line l USING (org_id, device_id)
    LEFT JOIN replica r USING (replica_id)
    WHERE d.deleted_at IS NULL
      AND ($2::text IS NULL OR d.device_id ILIKE $2 OR d.name ILIKE $2)
      AND ($5 IS NULL OR EXISTS (SELECT 1 FROM device_label b WHERE b.org_id = d.org_id
                                 AND b.device_id = d.device_id AND b.key = $5 AND b.value = ''))
      AND ($7 IS NULL OR (d.created_at, d.device_id) < ($7, $8))
) device
WHERE ($3 IS NULL OR CASE WHEN connected THEN said WHEN heard THEN 'ONLINE' ELSE 'OFFLINE' END = ANY ($3))
  AND ($6::boolean IS NULL OR connected = $6)
ORDER BY created_at DESC, device_id DESC
LIMIT $9

-- name: matching @org
-- As list, by a query. Its condition stands in for the comment behind all; what it says of an index, if
-- anything, for the one within, so that the planner need not go through all devices. Its parameters
-- follow $9.
SELECT device.*, coalesce(timezone, timezone_of(org_id, device_id)) AS zone,
       ARRAY(SELECT m.group_id FROM device_group_member m
             WHERE m.org_id = device.org_id AND m.device_id = device.device_id
             ORDER BY m.group_id) AS group_ids,
       (SELECT jsonb_object_agg(x.kind, jsonb_build_object('wanted', x.document, 'taken', x.taken))
        FROM device_section x
        WHERE x.org_id = device.org_id AND x.device_id = device.device_id) AS sections,
       (SELECT jsonb_object_agg(b.key, b.value)
        FROM device_label b
        WHERE b.org_id = device.org_id AND b.device_id = device.device_id) AS labels
FROM (
    SELECT d.*, s.metrics, s.agents, s.last_seen, l.generation, l.replica_id, l.software,
           connected, s.status AS said, heard
    FROM (
        SELECT * FROM device
        WHERE org_id = $1 AND deleted_at IS NULL
          AND (created_at, device_id) < (
              (SELECT coalesce($7::timestamptz, 'infinity')), (SELECT coalesce($8, '')))
          AND /*few*/ true
        ORDER BY created_at DESC, device_id DESC LIMIT $9::bigint * 1000000000
    ) d
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
    WHERE ($2::text IS NULL OR d.device_id ILIKE $2 OR d.name ILIKE $2)
      AND ($3::text[] IS NULL OR shown_status = ANY ($3))
      AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM device_group_member m WHERE m.org_id = d.org_id
                                       AND m.device_id = d.device_id AND m.group_id = $4))
      AND ($5::text IS NULL OR EXISTS (SELECT 1 FROM device_label b WHERE b.org_id = d.org_id
                                       AND b.device_id = d.device_id AND b.key = $5 AND b.value = ''))
      AND ($6::boolean IS NULL OR connected = $6)
      AND /*query*/ true
    ORDER BY d.created_at DESC, d.device_id DESC
    LIMIT $9
) device
ORDER BY created_at DESC, device_id DESC

-- name: connected @org
-- The devices that are on a live line of any replica, the newest line first.
SELECT l.device_id, l.replica_id, l.generation, l.connected_at
FROM (
    SELECT * FROM device_line
    WHERE org_id = $1 AND closed_at IS NULL
      AND (connected_at, device_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
    ORDER BY connected_at DESC, device_id DESC LIMIT $4::bigint * 1000000000
) l
JOIN replica r USING (replica_id)
WHERE r.ended_at IS NULL
ORDER BY l.connected_at DESC, l.device_id DESC
LIMIT $4

-- name: change @org
UPDATE device SET name = $3, company_id = $4, production_line_id = $5, disabled = $6,
                  connection_mode = $7, timezone = $8
WHERE org_id = $1 AND device_id = $2

-- name: quarantine @org
-- By whom and why is what was said last; since when, what was said first.
UPDATE device SET quarantined_at = coalesce(quarantined_at, now()), quarantined_by = $3,
                  quarantine_reason = $4
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL
RETURNING device_id

-- name: release @org
-- Those that are in quarantine.
UPDATE device SET quarantined_at = NULL, quarantined_by = NULL, quarantine_reason = NULL
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL AND quarantined_at IS NOT NULL
RETURNING device_id

-- name: labels @org
SELECT key, value FROM device_label WHERE org_id = $1 AND device_id = $2

-- name: put_labels @org
-- These are all that the device has.
WITH gone AS (
    DELETE FROM device_label WHERE org_id = $1 AND device_id = $2 AND key <> ALL ($3::text[])
)
INSERT INTO device_label (org_id, device_id, key, value)
SELECT $1, $2, l.key, l.value FROM unnest($3::text[], $4::text[]) AS l (key, value)
ON CONFLICT (org_id, device_id, key) DO UPDATE SET value = excluded.value
WHERE device_label.value <> excluded.value

-- name: lock_described @org
-- What people have said of these devices.
SELECT d.device_id, d.name, d.timezone,
       coalesce((SELECT jsonb_object_agg(b.key, b.value) FROM device_label b
                 WHERE b.org_id = d.org_id AND b.device_id = d.device_id), '{}') AS labels
FROM device d
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[]) AND d.deleted_at IS NULL
ORDER BY d.device_id
FOR UPDATE OF d

-- name: describe @org
-- $3 a name or null, $4 keys of labels that go, $5 and $6 those that come; $8 a time zone or null, where
-- $7 says that it changes.
WITH gone AS (
    DELETE FROM device_label WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND key = ANY ($4::text[])
), named AS (
    UPDATE device SET name = coalesce($3, name), timezone = CASE WHEN $7 THEN $8::text ELSE timezone END
    WHERE ($3::text IS NOT NULL OR $7::boolean) AND org_id = $1 AND device_id = ANY ($2)
)
INSERT INTO device_label (org_id, device_id, key, value)
SELECT $1, d.device_id, l.key, l.value
FROM unnest($2::text[]) AS d (device_id), unnest($5::text[], $6::text[]) AS l (key, value)
ON CONFLICT (org_id, device_id, key) DO UPDATE SET value = excluded.value
WHERE device_label.value <> excluded.value

-- name: want @org
-- A section of desired state as it is wanted from now on: a new version, also of the same document, so
-- that a device that refused it tries it again.
INSERT INTO device_section AS s (org_id, device_id, kind, version, document, hash, taken, taken_hash,
                                 changed_at)
SELECT org_id, device_id, kind, 1, document, hash, CASE WHEN is_taken THEN document END,
       CASE WHEN is_taken THEN hash END, clock_timestamp()
FROM json_to_recordset($1::json)
     AS n (org_id text, device_id text, kind text, document jsonb, hash text, is_taken boolean)
ORDER BY org_id, device_id, kind
ON CONFLICT (org_id, device_id, kind) DO UPDATE
SET version = s.version + 1, document = excluded.document, hash = excluded.hash, error = NULL,
    taken = coalesce(excluded.taken, s.taken), taken_hash = coalesce(excluded.taken_hash, s.taken_hash),
    changed_at = excluded.changed_at

-- name: lock_known @org
-- Those among these that exist, under the lock that orders their commands: what was accepted for them
-- is there for the next statement. Sorted, so that no two calls deadlock.
SELECT device_id FROM device
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL
ORDER BY org_id, device_id
FOR UPDATE

-- name: delete @org
-- The rows stay, so that the devices cannot enrol again by themselves; their memberships go.
WITH memberships AS (
    DELETE FROM device_group_member WHERE org_id = $1 AND device_id = ANY ($2::text[])
), waiting AS (
    SELECT org_id, command_id FROM command
    WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND status = 'PENDING'
    ORDER BY org_id, device_id, seq
    FOR UPDATE
), withdrawn AS (
    UPDATE command c SET status = 'CANCELLED', finished_at = now(), error = $3
    FROM waiting w WHERE c.org_id = w.org_id AND c.command_id = w.command_id
), unbound AS (
    DELETE FROM role_binding WHERE org_id = $1 AND scope_kind = 'device' AND scope_id = ANY ($2::text[])
    RETURNING binding_id
), told AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT $1, 'rights', '*', 0, 0 FROM unbound LIMIT 1
)
UPDATE device SET deleted_at = now() WHERE org_id = $1 AND device_id = ANY ($2::text[])

-- name: quarantined @org
SELECT quarantined_at IS NOT NULL FROM device WHERE org_id = $1 AND device_id = $2

-- name: known @org
-- Which of these exist.
SELECT device_id FROM device
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL
