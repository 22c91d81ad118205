-- name: heartbeat
-- A device without a line says that it is there.
UPDATE device_state SET last_seen = now(), heard_at = now() WHERE org_id = $1 AND device_id = $2

-- name: devices @org
SELECT d.device_id, s.last_seen
FROM device d LEFT JOIN device_state s USING (org_id, device_id)
WHERE d.org_id = $1 AND d.deleted_at IS NULL
ORDER BY d.device_id
LIMIT $2
