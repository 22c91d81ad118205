-- name: lock @org
-- Sessions of an organisation are opened one after the other: how many there are is counted.
SELECT pg_advisory_xact_lock(hashtextextended('sessions ' || $1, 0))

-- name: device @org
-- What decides about a session of a device: nothing for one that is not there. $3 the kind, $4 the owner.
SELECT d.quarantined_at IS NOT NULL AS quarantined,
       (SELECT l.replica_id FROM device_line l JOIN replica r USING (replica_id)
        WHERE l.org_id = d.org_id AND l.device_id = d.device_id AND l.closed_at IS NULL
          AND r.ended_at IS NULL) AS replica_id,
       (SELECT count(*) FROM byte_session s
        WHERE s.org_id = d.org_id AND s.device_id = d.device_id AND s.kind = $3 AND s.ended_at IS NULL) AS of_device,
       (SELECT count(*) FROM byte_session s
        WHERE s.org_id = d.org_id AND s.owner_id = $4 AND s.ended_at IS NULL) AS of_owner
FROM device d WHERE d.org_id = $1 AND d.device_id = $2 AND d.deleted_at IS NULL

-- name: add @org
WITH made AS (
    INSERT INTO byte_session (org_id, session_id, device_id, kind, params, env, owner_kind, owner_id, credential,
                              opened_by, address, expires_at, recorded)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + make_interval(secs => $12), $13)
    RETURNING *
), pair AS (
    INSERT INTO byte_connection (org_id, session_id, name, device_id, asked_at)
    SELECT org_id, session_id, '', device_id, now() FROM made WHERE kind <> 'forward'
)
SELECT * FROM made

-- name: get @org
SELECT * FROM byte_session WHERE org_id = $1 AND session_id = $2

-- name: list @org
-- The newest first; of a device, of a state, and of these kinds.
SELECT * FROM byte_session
WHERE org_id = $1 AND ($2::text IS NULL OR device_id = $2) AND ($3::text IS NULL OR status = $3)
  AND kind = ANY ($4::text[])
  AND (created_at, session_id) < ((SELECT coalesce($5::timestamptz, 'infinity')), (SELECT coalesce($6, '')))
ORDER BY created_at DESC, session_id DESC
LIMIT $7

-- name: recording @org
-- The chunks of a recording, so many from a number on.
SELECT number, events FROM recording_chunk
WHERE org_id = $1 AND session_id = $2 AND number > $3 ORDER BY number LIMIT $4

-- name: unasked
-- What devices on lines of this replica have not been asked for yet, the oldest first.
SELECT s.org_id, s.session_id, s.device_id, NULL AS name, extract(epoch FROM now() - s.created_at)::float8 AS age
FROM byte_session s JOIN device_line l USING (org_id, device_id)
WHERE s.ended_at IS NULL AND s.asked_at IS NULL AND l.replica_id = $1 AND l.closed_at IS NULL
UNION ALL
SELECT c.org_id, c.session_id, c.device_id, c.name, extract(epoch FROM now() - c.created_at)::float8
FROM byte_connection c JOIN device_line l USING (org_id, device_id)
WHERE c.ended_at IS NULL AND c.asked_at IS NULL AND l.replica_id = $1 AND l.closed_at IS NULL

-- name: ask
-- The line carries session_open: once, whoever else sees it.
WITH found AS (
    SELECT org_id, session_id, env FROM byte_session
    WHERE org_id = $1 AND session_id = $2 AND asked_at IS NULL AND ended_at IS NULL
    FOR UPDATE
)
UPDATE byte_session s SET asked_at = now(), boot_id = $3, env = NULL
FROM found f WHERE s.org_id = f.org_id AND s.session_id = f.session_id
RETURNING s.kind, s.params, f.env AS given, s.expires_at

-- name: ask_connection
-- The line carries session_connect: once.
UPDATE byte_connection SET asked_at = now()
WHERE org_id = $1 AND session_id = $2 AND name = $3 AND asked_at IS NULL AND ended_at IS NULL
RETURNING session_id

-- name: lock_one
-- Sides of a session are claimed one after the other.
SELECT * FROM byte_session WHERE org_id = $1 AND session_id = $2 FOR UPDATE

-- name: connection
SELECT c.*, s.ended_at AS session_ended_at, s.reason
FROM byte_connection c JOIN byte_session s USING (org_id, session_id)
WHERE c.org_id = $1 AND c.session_id = $2 AND c.name = $3

-- name: connect
-- A person opens one more connection of a forward; nothing when there are as many as may be.
INSERT INTO byte_connection (org_id, session_id, name, device_id)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM byte_connection
       WHERE org_id = $1 AND session_id = $2 AND ended_at IS NULL) < $5::bigint
RETURNING name

-- name: claim_person
UPDATE byte_connection SET person_replica = $4, person_at = now()
WHERE org_id = $1 AND session_id = $2 AND name = $3 AND person_replica IS NULL AND ended_at IS NULL
RETURNING device_replica AS other

-- name: claim_device
UPDATE byte_connection SET device_replica = $4, device_at = now()
WHERE org_id = $1 AND session_id = $2 AND name = $3 AND device_replica IS NULL AND ended_at IS NULL
RETURNING person_replica AS other

-- name: opened
-- The device's socket is there; of a forward, the device has accepted it.
UPDATE byte_session SET status = 'OPEN', opened_at = now()
WHERE org_id = $1 AND session_id = $2 AND device_id = $3 AND status = 'WAITING' AND asked_at IS NOT NULL
RETURNING session_id

-- name: is_asked
-- Whether this device was asked for it, and has not been given up.
SELECT EXISTS (SELECT FROM byte_session
               WHERE org_id = $1 AND session_id = $2 AND device_id = $3 AND status = 'WAITING'
                 AND asked_at IS NOT NULL)

-- name: end
-- Once: the first reason stands. Bytes are those that whoever ends it has seen, if they are more.
WITH ended AS (
    UPDATE byte_session
    SET status = 'ENDED', ended_at = now(), reason = $3, env = NULL, refusal_code = $4, refusal_message = $5,
        bytes_down = greatest(bytes_down, $6), bytes_up = greatest(bytes_up, $7)
    WHERE org_id = $1 AND session_id = $2 AND ended_at IS NULL
    RETURNING *
), connections AS (
    UPDATE byte_connection c SET ended_at = now()
    FROM ended e WHERE c.org_id = e.org_id AND c.session_id = e.session_id AND c.ended_at IS NULL
)
SELECT * FROM ended

-- name: end_connection
UPDATE byte_connection SET ended_at = now()
WHERE org_id = $1 AND session_id = $2 AND name = $3 AND ended_at IS NULL

-- name: count
-- Bytes that went through, as the replica with the device's socket has seen.
UPDATE byte_session SET bytes_down = greatest(bytes_down, $3), bytes_up = greatest(bytes_up, $4)
WHERE org_id = $1 AND session_id = $2

-- name: here
-- Where the connections of these sessions stand.
SELECT c.*, s.ended_at AS session_ended_at, s.reason
FROM unnest($1::text[], $2::text[]) AS h (org_id, session_id)
JOIN byte_session s USING (org_id, session_id)
JOIN byte_connection c USING (org_id, session_id)
WHERE s.ended_at IS NOT NULL OR c.ended_at IS NULL OR c.ended_at > now() - interval '1 minute'

-- name: due
-- Sessions that are over, with why: their time is up, a device was blocked or its agent is another, a side
-- has not come, a replica that holds one is dead.
SELECT s.org_id, s.session_id, why.reason
FROM byte_session s
JOIN org o USING (org_id)
JOIN device d USING (org_id, device_id)
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN byte_connection c ON c.org_id = s.org_id AND c.session_id = s.session_id AND c.name = ''
CROSS JOIN LATERAL (SELECT CASE
    WHEN d.disabled OR d.deleted_at IS NOT NULL OR d.quarantined_at IS NOT NULL OR o.ended_at IS NOT NULL
        THEN 'device_blocked'
    WHEN s.expires_at <= now() THEN 'expired'
    WHEN l.boot_id <> s.boot_id THEN 'superseded'
    WHEN EXISTS (SELECT FROM replica r WHERE r.replica_id IN (c.person_replica, c.device_replica)
                   AND r.ended_at IS NOT NULL) THEN 'replica_lost'
    WHEN s.status = 'WAITING' AND s.asked_at < now() - interval '10 seconds' THEN 'device_missing'
    WHEN s.status = 'WAITING' AND s.asked_at IS NULL AND s.created_at < now() - interval '30 seconds'
        THEN 'device_missing'
    WHEN s.status = 'OPEN' AND c.person_at IS NULL AND c.device_at < now() - interval '30 seconds'
        THEN 'side_missing'
    END AS reason) why
WHERE s.ended_at IS NULL AND why.reason IS NOT NULL
LIMIT 500

-- name: end_lonely
-- Connections of forwards whose device has not come, or one of whose replicas is dead.
UPDATE byte_connection c SET ended_at = now()
FROM byte_session s
WHERE c.ended_at IS NULL AND c.name <> '' AND s.org_id = c.org_id AND s.session_id = c.session_id
  AND ((c.device_replica IS NULL AND c.created_at < now() - interval '30 seconds')
       OR EXISTS (SELECT FROM replica r WHERE r.replica_id IN (c.person_replica, c.device_replica)
                    AND r.ended_at IS NOT NULL))

-- name: add_chunk
-- One more piece of a recording.
WITH written AS (
    INSERT INTO recording_chunk (org_id, session_id, device_id, number, events)
    SELECT org_id, session_id, device_id, $3, $4 FROM byte_session WHERE org_id = $1 AND session_id = $2
    ON CONFLICT DO NOTHING
)
UPDATE byte_session SET recorded_bytes = recorded_bytes + octet_length($4), width = $5, height = $6
WHERE org_id = $1 AND session_id = $2

-- name: recorded
-- Nothing of the recording was lost.
UPDATE byte_session SET recorded_whole = true WHERE org_id = $1 AND session_id = $2

-- name: forget
-- What ended so many days ago, with its recording.
DELETE FROM byte_session WHERE ended_at < now() - make_interval(days => $1)
