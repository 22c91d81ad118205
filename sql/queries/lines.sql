-- name: register
-- Lines of this replica, at most one for each device in a call: newest wins, the generation rises.
-- A device that is disabled, deleted or unknown gets none. $1 replica.
WITH wanted AS (
    SELECT w.* FROM unnest($2::text[], $3::text[], $4::text[]) AS w (org_id, device_id, session_id)
    JOIN device d USING (org_id, device_id)
    WHERE NOT d.disabled AND d.deleted_at IS NULL
    ORDER BY 1, 2
), line AS (
    INSERT INTO device_line AS l (org_id, device_id, replica_id, session_id)
    SELECT org_id, device_id, $1, session_id FROM wanted
    ON CONFLICT (org_id, device_id) DO UPDATE
    SET generation = l.generation + 1, replica_id = excluded.replica_id,
        session_id = excluded.session_id, journal_id = NULL, commands = NULL,
        connected_at = now(), closed_at = NULL
    RETURNING org_id, device_id, generation
), state AS (
    UPDATE device_state s SET status = 'ONLINE', last_seen = now()
    FROM line WHERE s.org_id = line.org_id AND s.device_id = line.device_id
)
SELECT org_id, device_id, generation FROM line

-- name: close
-- Lines that have ended; answers those that were still the newest of their device.
UPDATE device_line l SET closed_at = now()
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS c (org_id, device_id, generation)
WHERE l.org_id = c.org_id AND l.device_id = c.device_id AND l.generation = c.generation
  AND l.closed_at IS NULL
RETURNING l.org_id, l.device_id, l.generation

-- name: seen
-- When devices were last heard of.
UPDATE device_state s SET last_seen = now()
FROM unnest($1::text[], $2::text[]) AS c (org_id, device_id)
WHERE s.org_id = c.org_id AND s.device_id = c.device_id

-- name: hello
-- What devices said of themselves when their line began.
WITH said AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                         $7::bigint[])
        AS h (org_id, device_id, generation, journal_id, version, commands, config_version)
    ORDER BY 1, 2
), config AS (
    UPDATE device_config c SET reported_version = said.config_version
    FROM said WHERE c.org_id = said.org_id AND c.device_id = said.device_id
      AND said.config_version IS NOT NULL
), device AS (
    UPDATE device d SET version = coalesce(said.version, d.version)
    FROM said WHERE d.org_id = said.org_id AND d.device_id = said.device_id
      AND d.version IS DISTINCT FROM coalesce(said.version, d.version)
)
UPDATE device_line l
SET journal_id = said.journal_id,
    commands = CASE WHEN said.commands IS NOT NULL
                    THEN ARRAY(SELECT jsonb_array_elements_text(said.commands::jsonb)) END
FROM said
WHERE l.org_id = said.org_id AND l.device_id = said.device_id AND l.generation = said.generation

-- name: start_replica
INSERT INTO replica (replica_id, address, lease_until)
VALUES ($1, $2, now() + make_interval(secs => $3))

-- name: renew
-- The lease of a replica; nothing when somebody has declared it dead.
UPDATE replica SET lease_until = now() + make_interval(secs => $2)
WHERE replica_id = $1 AND ended_at IS NULL
RETURNING replica_id

-- name: revive
-- After a stall: a replica that was declared dead is alive again.
UPDATE replica SET lease_until = now() + make_interval(secs => $2), ended_at = NULL
WHERE replica_id = $1

-- name: end_dead
-- Replicas whose lease has ended without a goodbye.
UPDATE replica SET ended_at = now()
WHERE ended_at IS NULL AND lease_until < now() AND replica_id <> $1
RETURNING replica_id

-- name: goodbye
UPDATE replica SET ended_at = now() WHERE replica_id = $1 AND ended_at IS NULL

-- name: close_all
-- Every line of replicas that have ended.
UPDATE device_line SET closed_at = now()
WHERE replica_id = ANY ($1::text[]) AND closed_at IS NULL
RETURNING org_id, device_id, generation

-- name: forget_replicas
DELETE FROM replica r WHERE ended_at < now() - interval '7 days'
  AND NOT EXISTS (SELECT 1 FROM device_line l WHERE l.replica_id = r.replica_id)
