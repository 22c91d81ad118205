-- name: register
-- Lines of this replica, at most one for each device in a call: newest wins, the generation rises.
-- A device that is disabled, deleted or unknown gets none, nor does a token or certificate that has ended.
-- The first line with a newer token ends the earlier ones; with a newer certificate, those before it are good
-- for a day. Another replica whose open line is superseded is left a note. Take-overs that follow each other
-- soon are counted. One in quarantine gets a line of which nothing is taken. $1 replica.
WITH wanted AS (
    SELECT w.*, d.quarantined_at IS NOT NULL AS quarantined
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
         AS w (org_id, device_id, session_id, version, serial)
    JOIN device d USING (org_id, device_id)
    WHERE NOT d.disabled AND d.deleted_at IS NULL
      AND CASE WHEN w.serial IS NULL THEN w.version BETWEEN d.lowest AND d.highest
               ELSE EXISTS (SELECT FROM certificate c
                            WHERE c.org_id = w.org_id AND c.serial = w.serial AND c.device_id = w.device_id
                              AND c.ended_at IS NULL AND c.expires_at > now()
                              AND coalesce(c.good_until > now(), true)) END
    ORDER BY 1, 2
), fresh AS (
    SELECT c.org_id, c.device_id, c.serial, c.issued_at
    FROM certificate c JOIN wanted w USING (org_id, serial)
    WHERE c.first_used IS NULL
    ORDER BY 1, 2
    FOR UPDATE OF c
), used AS (
    UPDATE certificate c SET first_used = now()
    FROM fresh f WHERE c.org_id = f.org_id AND c.serial = f.serial
), former AS (
    UPDATE certificate c SET good_until = now() + interval '24 hours'
    FROM fresh f WHERE c.org_id = f.org_id AND c.device_id = f.device_id AND c.serial <> f.serial
      AND c.issued_at <= f.issued_at AND c.good_until IS NULL AND c.ended_at IS NULL
    RETURNING c.org_id, c.device_id, c.serial
), superseded AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT org_id, 'certificate', device_id || '/' || serial, 1, 1 FROM former
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
    UPDATE device_state s SET status = 'ONLINE', agents = '[]', last_seen = now()
    FROM present p WHERE s.org_id = p.org_id AND s.device_id = p.device_id
)
SELECT org_id, device_id, generation, taken_from, takeovers, max_frame, quarantined
FROM line JOIN wanted USING (org_id, device_id)

-- name: quarantined_here
-- The open lines of this replica whose devices are in quarantine.
SELECT l.org_id, l.device_id, l.generation
FROM device d JOIN device_line l USING (org_id, device_id)
WHERE d.quarantined_at IS NOT NULL AND l.replica_id = $1 AND l.closed_at IS NULL

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
-- What devices said of themselves when their line began; of a superseded line it counts nothing. A device
-- that installs software and names no versions has those that it has proven.
WITH said AS (
    SELECT h.*
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                $7::text[], $8::integer[], $9::text[], $10::text[])
         AS h (org_id, device_id, generation, journal_id, version, commands, boot_id, max_frame, own_hash,
               software)
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
    own_hash = said.own_hash,
    software = CASE WHEN said.software::jsonb ? 'installers' AND l.software ? 'versions'
                    THEN jsonb_build_object('versions', l.software -> 'versions') || said.software::jsonb
                    ELSE said.software::jsonb END,
    commands = CASE WHEN said.commands IS NOT NULL
                    THEN ARRAY(SELECT jsonb_array_elements_text(said.commands::jsonb)) END
FROM said
WHERE l.org_id = said.org_id AND l.device_id = said.device_id AND l.generation = said.generation
