-- name: lock @org
-- Calls of an organisation that may have to wait are looked at one after the other, and so are the
-- targets of dangerous ones counted: by all replicas.
SELECT pg_advisory_xact_lock(hashtextextended('approvals ' || $1, 0))

-- name: earlier @org
-- The same call as it was made before: by the id that it was given, or by its Idempotency-Key.
SELECT * FROM approval
WHERE org_id = $1
  AND (subject = $2 OR (key_path = $3 AND key = $4 AND asked_at > now() - interval '24 hours'))
ORDER BY done_at NULLS FIRST, asked_at DESC
LIMIT 1

-- name: ask @org
-- Nothing when as many wait as may. It ends after a day, or at a moment of its own ($13).
INSERT INTO approval (org_id, approval_id, kind, subject, device_ids, shown, call, request_hash, rights,
                      right_name, reason, asked_by_kind, expires_at, asked_by, asked_by_key,
                      asked_by_name, key_path, key)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
       least(now() + interval '24 hours', $13::timestamptz), $14, $15, $16, $17, $18
WHERE (SELECT count(*) FROM approval WHERE org_id = $1 AND done_at IS NULL) < $19::bigint
RETURNING *

-- name: sent_lately @org
-- How many targets dangerous commands had in the last hour, and in how many seconds some of it is over.
SELECT coalesce(sum(targets), 0)::bigint AS targets,
       coalesce(extract(epoch FROM min(sent_at) + interval '1 hour' - now()), 0)::float8 AS seconds
FROM capped_dispatch
WHERE org_id = $1 AND targets > 0 AND sent_at > now() - interval '1 hour'

-- name: count_sent @org
INSERT INTO capped_dispatch (org_id, targets) VALUES ($1, $2) RETURNING dispatch_id

-- name: recount @org
-- Some of it was not sent after all.
UPDATE capped_dispatch SET targets = $3 WHERE org_id = $1 AND dispatch_id = $2

-- name: known @org
-- Those of these devices that there are.
SELECT device_id FROM device WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL

-- name: list @org
-- The newest first; of these states, or all.
SELECT * FROM approval
WHERE org_id = $1 AND ($2::text[] IS NULL OR status = ANY ($2))
  AND (asked_at, approval_id) < ((SELECT coalesce($3::timestamptz, 'infinity')), (SELECT coalesce($4, '')))
ORDER BY asked_at DESC, approval_id DESC
LIMIT $5

-- name: get @org
SELECT * FROM approval WHERE org_id = $1 AND approval_id = $2

-- name: of_subject @org
-- What waits for an approval under this id: one of a kind ($4), or a command for the device $3. Whoever sees
-- none of its devices does not see it.
SELECT * FROM approval a
WHERE org_id = $1 AND subject = $2 AND status = 'AWAITING'
  AND CASE WHEN $3::text IS NULL THEN kind = $4 ELSE kind = 'command' AND device_ids[1] = $3 END
  AND EXISTS (SELECT FROM device d
              WHERE d.org_id = a.org_id AND d.device_id = ANY (a.device_ids) AND d.deleted_at IS NULL)

-- name: lock_one @org
-- Whoever decides comes one after the other; whether it is too late, by this clock alone.
SELECT *, expires_at <= now() AS is_over FROM approval WHERE org_id = $1 AND approval_id = $2 FOR UPDATE

-- name: decide @org
UPDATE approval
SET status = $3, decided_by_kind = $4, decided_by = $5, decided_by_key = $6, decided_by_name = $7,
    comment = $8, error = $9, decided_at = now()
WHERE org_id = $1 AND approval_id = $2
RETURNING *

-- name: done @org
-- The decision has had its effect; nothing when that was noted before.
UPDATE approval SET status = $3, error = $4, refused = $5, done_at = now()
WHERE org_id = $1 AND approval_id = $2 AND done_at IS NULL
RETURNING *

-- name: due
-- What has waited long enough, and what was decided by a replica that died before it was done.
SELECT a.* FROM (
    (SELECT org_id, approval_id, status FROM approval
     WHERE status = 'AWAITING' AND expires_at <= now() ORDER BY expires_at LIMIT 100)
    UNION ALL
    (SELECT org_id, approval_id, status FROM approval
     WHERE status <> 'AWAITING' AND done_at IS NULL AND decided_at < now() - interval '5 seconds'
     ORDER BY decided_at LIMIT 100)) a
JOIN org o USING (org_id)
WHERE o.ended_at IS NULL

-- name: people @org
-- Who could decide besides $2: those who sign in and are not disabled, administrators first, no more than so many.
SELECT m.user_id FROM member m
WHERE m.org_id = $1 AND m.user_id <> $2 AND m.kind = 'person' AND NOT m.disabled
ORDER BY NOT EXISTS (SELECT FROM role_binding b
                     WHERE b.org_id = m.org_id AND b.subject_id = m.user_id AND b.role = 'ADMIN'), m.user_id
LIMIT 500

-- name: is_person @org
SELECT EXISTS (SELECT FROM member WHERE org_id = $1 AND user_id = $2 AND kind = 'person')

-- name: forget
WITH counted AS (
    DELETE FROM capped_dispatch WHERE sent_at < now() - interval '1 hour'
)
DELETE FROM approval WHERE done_at < now() - make_interval(days => $1)
