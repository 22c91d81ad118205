-- name: takeovers
-- The lines of this replica that were superseded on others; each is told once.
DELETE FROM line_takeover WHERE replica_id = $1 RETURNING org_id, device_id, generation

-- name: start_replica
INSERT INTO replica (replica_id, address, version, lease_until)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: renew
-- The lease of a replica, and what it tells of itself; nothing when somebody has declared it dead.
UPDATE replica SET lease_until = now() + make_interval(secs => $2), figures = $3
WHERE replica_id = $1 AND ended_at IS NULL
RETURNING replica_id

-- name: revive
-- A replica that was declared dead is alive again.
UPDATE replica SET lease_until = now() + make_interval(secs => $2), ended_at = NULL,
                   hole_told_at = NULL
WHERE replica_id = $1

-- name: reopen
-- Lines that were closed when their replica was declared dead, and that are still the newest of
-- their device; answers all of these that are, and whether they had been closed.
WITH mine AS (
    SELECT l.org_id, l.device_id, l.generation, l.closed_at
    FROM device_line l JOIN unnest($1::text[], $2::text[], $3::bigint[])
         AS m (org_id, device_id, generation) USING (org_id, device_id, generation)
    ORDER BY 1, 2
    FOR UPDATE OF l
), opened AS (
    UPDATE device_line l SET closed_at = NULL
    FROM mine m
    WHERE l.org_id = m.org_id AND l.device_id = m.device_id AND m.closed_at IS NOT NULL
)
SELECT org_id, device_id, generation, closed_at IS NOT NULL AS was_closed FROM mine

-- name: leases
-- Of the other replicas that have not ended.
SELECT replica_id, lease_until FROM replica WHERE ended_at IS NULL AND replica_id <> $1

-- name: end_dead
-- Replicas that did not renew their lease and said no goodbye: each if its lease is still the same.
UPDATE replica r SET ended_at = now()
FROM unnest($1::text[], $2::timestamptz[]) AS d (replica_id, lease_until)
WHERE r.replica_id = d.replica_id AND r.lease_until = d.lease_until AND r.ended_at IS NULL
RETURNING r.replica_id

-- name: close_all
-- Every line of replicas that have ended.
WITH ended AS (
    SELECT org_id, device_id FROM device_line
    WHERE replica_id = ANY ($1::text[]) AND closed_at IS NULL
    ORDER BY 1, 2
    FOR UPDATE
), notes AS (
    DELETE FROM line_takeover WHERE replica_id = ANY ($1::text[])
)
UPDATE device_line l SET closed_at = now()
FROM ended e WHERE l.org_id = e.org_id AND l.device_id = e.device_id
RETURNING l.org_id, l.device_id, l.generation

-- name: untold
-- Ends of replicas that dashboards may have to be told of: a hole in every organisation's stream.
SELECT r.replica_id, r.ended_at, o.org_id FROM replica r CROSS JOIN org o
WHERE r.ended_at IS NOT NULL AND r.hole_told_at IS NULL

-- name: told
-- Those holes are in the streams.
UPDATE replica r SET hole_told_at = now()
FROM unnest($1::text[], $2::timestamptz[]) AS t (replica_id, ended_at)
WHERE r.replica_id = t.replica_id AND r.ended_at = t.ended_at

-- name: goodbye
-- The end of a replica; $2 whether everything it had to say is in the streams.
UPDATE replica SET ended_at = now(), hole_told_at = CASE WHEN $2 THEN now() END
WHERE replica_id = $1 AND ended_at IS NULL

-- name: replicas
-- Those that have not ended; $1 the length of a lease.
SELECT replica_id, address, version, started_at, figures,
       lease_until - make_interval(secs => $1) AS last_seen
FROM replica WHERE ended_at IS NULL
ORDER BY started_at, replica_id

-- name: counts
-- Of the whole fleet.
SELECT (SELECT count(*) FROM device WHERE org_id = $1 AND deleted_at IS NULL) AS devices,
       (SELECT count(*) FROM device_line l JOIN replica r USING (replica_id)
        WHERE l.org_id = $1 AND l.closed_at IS NULL AND r.ended_at IS NULL) AS connected,
       (SELECT count(*) FROM command WHERE org_id = $1 AND finished_at IS NULL) AS unfinished,
       now() AS now

-- name: forget_replicas
-- Those that ended long ago, and the notes for whoever cannot read them any more.
WITH notes AS (
    DELETE FROM line_takeover t USING replica r
    WHERE r.replica_id = t.replica_id AND r.ended_at < now() - interval '1 hour'
)
DELETE FROM replica r WHERE hole_told_at < now() - interval '7 days'
  AND NOT EXISTS (SELECT 1 FROM device_line l WHERE l.replica_id = r.replica_id)
