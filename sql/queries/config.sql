-- name: lock
-- The configuration of these devices, locked in a fixed order.
SELECT c.* FROM device_config c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
ORDER BY 1, 2
FOR UPDATE OF c

-- name: set_desired
UPDATE device_config c
SET desired = n.desired, desired_version = n.version, status = 'pending', error = NULL
FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[])
     AS n (org_id, device_id, desired, version)
WHERE c.org_id = n.org_id AND c.device_id = n.device_id

-- name: add_history
INSERT INTO device_config_history (org_id, device_id, version, actor, command_id, patch)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[])

-- name: note_outcome
-- How pushes ended; the last one decides whether device and hub agree.
WITH ended AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
        AS n (org_id, command_id, outcome, reported_version, error)
), history AS (
    UPDATE device_config_history h SET outcome = ended.outcome
    FROM ended WHERE h.org_id = ended.org_id AND h.command_id = ended.command_id
    RETURNING h.org_id, h.device_id, h.version, ended.outcome, ended.reported_version, ended.error
)
UPDATE device_config c
SET status = CASE WHEN h.version < c.desired_version THEN c.status
                  WHEN h.outcome = 'applied' THEN 'in_sync' ELSE 'failed' END,
    error = CASE WHEN h.version < c.desired_version THEN c.error ELSE h.error END,
    reported = CASE WHEN h.outcome = 'applied' AND h.version = c.desired_version
                    THEN c.desired ELSE c.reported END,
    reported_version = coalesce(h.reported_version, c.reported_version)
FROM history h WHERE c.org_id = h.org_id AND c.device_id = h.device_id

-- name: get
SELECT * FROM device_config WHERE org_id = $1 AND device_id = $2

-- name: history
-- Newest first.
SELECT * FROM device_config_history
WHERE org_id = $1 AND device_id = $2 AND ($3::bigint IS NULL OR version < $3)
ORDER BY version DESC LIMIT $4

-- name: forget
-- All but the last pushes of each device.
DELETE FROM device_config_history h USING device_config c
WHERE c.org_id = h.org_id AND c.device_id = h.device_id
  AND h.version <= c.desired_version - $1::bigint
