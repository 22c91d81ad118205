-- name: register
-- A device that nobody knows; nothing for one that is there.
INSERT INTO device (org_id, device_id, name, company_id, production_line_id, version)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, device_id) DO NOTHING
RETURNING device_id

-- name: lock_standing
-- What decides about a token, under the lock that an end takes: $3 how long a line is remembered.
SELECT d.disabled, d.deleted_at IS NOT NULL AS deleted, d.lowest, d.highest,
       d.quarantined_at IS NOT NULL AS quarantined,
       r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS on_line,
       coalesce(now() - l.closed_at BETWEEN interval '0' AND make_interval(secs => $3), false)
       AS line_lately,
       coalesce(d.reopened_until > now(), false) AS reopened
FROM device d
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN replica r USING (replica_id)
WHERE d.org_id = $1 AND d.device_id = $2
FOR UPDATE OF d

-- name: next_version
-- A further token is good beside the present one, until a line is opened with it.
UPDATE device SET highest = highest + 1, version = coalesce($3, version)
WHERE org_id = $1 AND device_id = $2
RETURNING highest

-- name: only_version
-- From now on only a new token is good.
WITH changed AS (
    UPDATE device SET lowest = highest + 1, highest = highest + 1, version = coalesce($3, version),
                      reopened_until = NULL
    WHERE org_id = $1 AND device_id = $2
    RETURNING org_id, device_id, lowest, highest
), noted AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT org_id, 'device', device_id, lowest, highest FROM changed
    WHERE highest > 1  -- the first token ends nothing
)
SELECT highest FROM changed

-- name: reopen @org
-- A known device may enrol again, once.
UPDATE device SET reopened_until = now() + interval '10 minutes'
WHERE org_id = $1 AND device_id = $2 AND deleted_at IS NULL
RETURNING reopened_until

-- name: of_token
-- Whose enrolment token it is.
SELECT t.* FROM enrollment_token t JOIN org o USING (org_id)
WHERE t.token_hash = $1 AND o.ended_at IS NULL

-- name: lock_token
-- How a token stands when a device ($3), at an address ($4), shows it.
SELECT t.*, coalesce(t.expires_at <= now(), false) AS is_expired,
       EXISTS (SELECT 1 FROM enrollment_use u
               WHERE u.org_id = t.org_id AND u.token_id = t.token_id AND u.device_id = $3
                 AND u.block = $4 AND u.used_at > now() - interval '10 minutes') AS is_same_use
FROM enrollment_token t
WHERE t.org_id = $1 AND t.token_id = $2
FOR UPDATE OF t

-- name: count_use
WITH used AS (
    INSERT INTO enrollment_use (org_id, token_id, device_id, block) VALUES ($1, $2, $3, $4)
    ON CONFLICT (org_id, token_id, device_id, block) DO UPDATE SET used_at = now()
)
UPDATE enrollment_token SET uses = uses + 1 WHERE org_id = $1 AND token_id = $2

-- name: of_request
-- The enrolment request of a device whose secret hashes to $2; none when it is over.
SELECT r.org_id, r.request_id FROM enrollment_request r JOIN org o USING (org_id)
WHERE r.device_id = $1 AND r.proof = $2 AND o.ended_at IS NULL

-- name: lock_request
-- An approved one admits until ten minutes after it did: an answer may be lost.
SELECT * FROM enrollment_request
WHERE org_id = $1 AND request_id = $2
  AND (status = 'rejected' OR requested_at > now() - interval '7 days')
  AND (granted_at IS NULL OR granted_at > now() - interval '10 minutes')
FOR UPDATE

-- name: grant
-- One that waits still is not needed any more: its device came in otherwise.
UPDATE enrollment_request
SET granted_at = coalesce(granted_at, now()), status = CASE status WHEN 'pending' THEN 'ended' ELSE status END
WHERE org_id = $1 AND request_id = $2

-- name: lock_asking
-- One request of an id after the other is counted.
SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))

-- name: ask
-- Nothing when as many of that id wait as may, and nothing in an organisation that has ended. A key that asks
-- again when its request is over asks anew, unless it was rejected.
INSERT INTO enrollment_request (org_id, request_id, device_id, proof, fingerprint, address, token_id)
SELECT o.org_id, $2, $3, $4, $5, $6, $7 FROM org o
WHERE o.org_id = $1 AND o.ended_at IS NULL
  AND (SELECT count(*) FROM enrollment_request r
       WHERE r.org_id = $1 AND r.device_id = $3 AND r.status = 'pending'
         AND r.requested_at > now() - interval '7 days') < $8::bigint
ON CONFLICT (device_id, proof) DO UPDATE
SET request_id = excluded.request_id, address = excluded.address, token_id = excluded.token_id,
    status = 'pending', requested_at = now(), decided_at = NULL, granted_at = NULL, group_ids = '{}', tags = '{}'
WHERE enrollment_request.org_id = excluded.org_id AND enrollment_request.status <> 'rejected'
RETURNING request_id

-- name: requests @org
-- Those that wait for a person, the newest first.
SELECT * FROM enrollment_request
WHERE org_id = $1 AND status = 'pending' AND requested_at > now() - interval '7 days'
  AND (requested_at, request_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY requested_at DESC, request_id DESC
LIMIT $4

-- name: lock_requests @org
-- All of one id, in one order, so that of two that are approved at once one is.
SELECT * FROM enrollment_request
WHERE org_id = $1 AND device_id = $2 AND requested_at > now() - interval '7 days'
ORDER BY request_id
FOR UPDATE

-- name: approve @org
-- One of an id; the others that wait end.
UPDATE enrollment_request
SET status = CASE WHEN request_id = $3 THEN 'approved' ELSE 'ended' END, decided_at = now(),
    group_ids = CASE WHEN request_id = $3 THEN $4::text[] ELSE group_ids END,
    tags = CASE WHEN request_id = $3 THEN $5::text[] ELSE tags END
WHERE org_id = $1 AND device_id = $2 AND status = 'pending'

-- name: reject @org
UPDATE enrollment_request SET status = 'rejected', decided_at = now()
WHERE org_id = $1 AND request_id = $2 AND status = 'pending'

-- name: add_token @org
INSERT INTO enrollment_token (org_id, token_id, name, token_hash, max_uses, expires_at, group_ids, labels,
                              approval, made_by_kind, made_by, made_by_key, made_by_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
RETURNING *

-- name: tokens @org
-- The newest first.
SELECT * FROM enrollment_token
WHERE org_id = $1
  AND (created_at, token_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, token_id DESC
LIMIT $4

-- name: token @org
SELECT * FROM enrollment_token WHERE org_id = $1 AND token_id = $2

-- name: delete_token @org
DELETE FROM enrollment_token WHERE org_id = $1 AND token_id = $2 RETURNING name

-- name: take_over @org
-- From now on it is theirs who take it over.
UPDATE enrollment_token SET made_by_kind = $3, made_by = $4, made_by_key = $5, made_by_name = $6
WHERE org_id = $1 AND token_id = $2
RETURNING *

-- name: forget
-- What is over. A rejection is remembered for a year.
WITH uses AS (
    DELETE FROM enrollment_use WHERE used_at < now() - interval '10 minutes'
)
DELETE FROM enrollment_request
WHERE requested_at < now() - CASE WHEN status = 'rejected' THEN interval '1 year' ELSE interval '7 days' END
