-- name: register
-- Lines of this replica, at most one for each device in a call: newest wins, the generation rises.
-- A device that is disabled, deleted or unknown gets none, nor does a token that has ended. The first
-- line with a newer token ends the earlier ones. Another replica whose open line is superseded is left
-- a note. Take-overs that follow each other soon are counted. $1 replica.
WITH wanted AS (
    SELECT w.* FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[])
         AS w (org_id, device_id, session_id, version)
    JOIN device d USING (org_id, device_id)
    WHERE NOT d.disabled AND d.deleted_at IS NULL AND w.version BETWEEN d.lowest AND d.highest
    ORDER BY 1, 2
), renewed AS (
    SELECT d.org_id, d.device_id, w.version FROM device d JOIN wanted w USING (org_id, device_id)
    WHERE d.lowest < w.version
    ORDER BY 1, 2
    FOR UPDATE OF d
), adopted AS (
    UPDATE device d SET lowest = greatest(d.lowest, n.version)
    FROM renewed n WHERE d.org_id = n.org_id AND d.device_id = n.device_id
    RETURNING d.org_id, d.device_id, d.lowest, d.highest
), ends AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT org_id, 'device', device_id, lowest, highest FROM adopted
), line AS (
    INSERT INTO device_line AS l (org_id, device_id, replica_id, session_id)
    SELECT org_id, device_id, $1, session_id FROM wanted
    ON CONFLICT (org_id, device_id) DO UPDATE
    SET generation = l.generation + 1, replica_id = excluded.replica_id,
        session_id = excluded.session_id, journal_id = NULL, commands = NULL,
        boot_id = NULL, agent_version = NULL,
        connected_at = now(), closed_at = NULL,
        takeovers = CASE WHEN l.closed_at IS NOT NULL THEN l.takeovers
                         WHEN l.taken_over_at BETWEEN now() - interval '10 minutes' AND now()
                         THEN l.takeovers + 1 ELSE 1 END,
        taken_over_at = CASE WHEN l.closed_at IS NULL THEN now() ELSE l.taken_over_at END,
        taken_from = CASE WHEN l.closed_at IS NULL AND l.replica_id <> excluded.replica_id
                          THEN l.replica_id END
    RETURNING org_id, device_id, generation, taken_from, max_frame,
              CASE WHEN taken_over_at = now() THEN takeovers ELSE 0 END AS takeovers
), note AS (
    INSERT INTO line_takeover (replica_id, org_id, device_id, generation)
    SELECT taken_from, org_id, device_id, generation FROM line WHERE taken_from IS NOT NULL
), present AS (
    SELECT s.org_id, s.device_id FROM device_state s JOIN line USING (org_id, device_id)
    ORDER BY 1, 2
    FOR UPDATE OF s
), state AS (
    UPDATE device_state s SET status = 'ONLINE', last_seen = now()
    FROM present p WHERE s.org_id = p.org_id AND s.device_id = p.device_id
)
SELECT org_id, device_id, generation, taken_from, takeovers, max_frame FROM line

-- name: takeovers
-- The lines of this replica that were superseded on others; each is told once.
DELETE FROM line_takeover WHERE replica_id = $1 RETURNING org_id, device_id, generation

-- name: close
-- Lines that have ended; answers those that were still the newest of their device.
WITH ended AS (
    SELECT l.org_id, l.device_id, c.generation
    FROM device_line l JOIN unnest($1::text[], $2::text[], $3::bigint[])
         AS c (org_id, device_id, generation) USING (org_id, device_id)
    ORDER BY 1, 2
    FOR UPDATE OF l
)
UPDATE device_line l SET closed_at = now()
FROM ended e
WHERE l.org_id = e.org_id AND l.device_id = e.device_id AND l.generation = e.generation
  AND l.closed_at IS NULL
RETURNING l.org_id, l.device_id, l.generation

-- name: seen
-- When devices were last heard of, on their newest lines.
WITH present AS (
    SELECT s.org_id, s.device_id
    FROM device_state s
    JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS c (org_id, device_id, generation)
         USING (org_id, device_id)
    JOIN device_line l USING (org_id, device_id, generation)
    ORDER BY 1, 2
    FOR UPDATE OF s
)
UPDATE device_state s SET last_seen = now()
FROM present p WHERE s.org_id = p.org_id AND s.device_id = p.device_id

-- name: hello
-- What devices said of themselves when their line began; of a superseded line it counts nothing.
WITH said AS (
    SELECT h.*
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                $7::text[], $8::integer[])
         AS h (org_id, device_id, generation, journal_id, version, commands, boot_id, max_frame)
    JOIN device_line l USING (org_id, device_id, generation)
    ORDER BY h.org_id, h.device_id
    FOR UPDATE OF l
), upgraded AS (
    SELECT d.org_id, d.device_id, said.version FROM device d JOIN said USING (org_id, device_id)
    WHERE d.version IS DISTINCT FROM coalesce(said.version, d.version)
    ORDER BY 1, 2
    FOR UPDATE OF d
), device AS (
    UPDATE device d SET version = u.version
    FROM upgraded u WHERE d.org_id = u.org_id AND d.device_id = u.device_id
)
UPDATE device_line l
SET journal_id = said.journal_id, max_frame = said.max_frame, boot_id = said.boot_id, agent_version = said.version,
    commands = CASE WHEN said.commands IS NOT NULL
                    THEN ARRAY(SELECT jsonb_array_elements_text(said.commands::jsonb)) END
FROM said
WHERE l.org_id = said.org_id AND l.device_id = said.device_id AND l.generation = said.generation

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
