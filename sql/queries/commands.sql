-- name: keys
-- The idempotency keys that are known among these. A key is known until it is forgotten, which no clock
-- decides alone.
SELECT org_id, path, key, request_hash, subject, refused
FROM idempotency_key JOIN unnest($1::text[], $2::text[], $3::text[]) AS k (org_id, path, key)
     USING (org_id, path, key)

-- name: add_keys
-- Answers how many were free: fewer than given means that another replica was faster.
WITH added AS (
    INSERT INTO idempotency_key (org_id, path, key, request_hash, subject, refused)
    SELECT * FROM json_to_recordset($1::json)
         AS k (org_id text, path text, key text, request_hash bytea, subject text, refused jsonb)
    ON CONFLICT (org_id, path, key) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added

-- name: lock_devices
-- The rows whose lock orders the commands of a device; sorted, so that no two batches deadlock.
SELECT FROM device d JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id)
     USING (org_id, device_id)
ORDER BY d.org_id, d.device_id
FOR UPDATE OF d

-- name: targets
-- What acceptance must know of devices; unknown and deleted ones are left out. A lease that has run
-- out does not end a line before somebody has declared the replica dead: the database may have stood
-- still.
SELECT d.org_id, d.device_id, d.command_seq, l.generation, l.replica_id, l.commands, l.max_frame,
       l.software -> 'installers' AS installers,
       coalesce(l.software ->> 'updateSource', 'hub') <> 'hub' AS updates_itself,
       r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS online,
       (SELECT count(*) FROM command c
        WHERE c.org_id = d.org_id AND c.device_id = d.device_id AND c.finished_at IS NULL)
           AS unfinished,
       d.quarantined_at IS NOT NULL AS quarantined
FROM device d JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN replica r USING (replica_id)
WHERE d.deleted_at IS NULL

-- name: existing
-- Commands that are there already, by the ids that callers chose, and which of these ids are reserved for
-- a call that waits for an approval.
SELECT t.org_id AS named_org, t.command_id AS named_id,
       (SELECT a.approval_id FROM approval a
        WHERE a.org_id = t.org_id AND a.subject = t.command_id AND a.done_at IS NULL) AS reserved_for,
       command.*
FROM unnest($1::text[], $2::text[]) AS t (org_id, command_id)
LEFT JOIN command USING (org_id, command_id)

-- name: by_names
-- Those of these commands that there are.
SELECT command.*
FROM unnest($1::text[], $2::text[]) AS t (org_id, command_id)
JOIN command USING (org_id, command_id)

-- name: waiting
-- Queued commands that were not sent yet, by what they ask for; the oldest of each.
SELECT DISTINCT ON (c.org_id, c.device_id, c.request_hash) c.*
FROM unnest($1::text[], $2::text[], $3::bytea[]) AS t (org_id, device_id, request_hash)
JOIN command c USING (org_id, device_id, request_hash)
WHERE c.finished_at IS NULL AND c.status = 'PENDING' AND c.delivery = 'queue'
  AND c.cancelled_by IS NULL AND c.expires_at > now()
ORDER BY c.org_id, c.device_id, c.request_hash, c.seq

-- name: insert
-- All of it or nothing: $1 commands as decided, $3 the number of the last one of each device, $5 the
-- audit rows. Nothing when a device is not as it was read: others have accepted for it, or it has a
-- newer line, which may have looked for its commands already; or it is in quarantine. With the devices locked ($4) the latter
-- is left to the sweep: many devices that come back would otherwise refuse each group again and again.
-- A deadline runs from acceptance for "now", from sending for "queue". $2 the replica that accepts.
WITH device_now AS (
    SELECT d.org_id, d.device_id, n.seq
    FROM (SELECT * FROM json_to_recordset($3::json)
              AS n (org_id text, device_id text, seq_read bigint, seq bigint, generation bigint)
          LIMIT json_array_length($3::json)) n
    JOIN device d USING (org_id, device_id)
    LEFT JOIN device_line l USING (org_id, device_id)
    WHERE d.command_seq = n.seq_read AND d.deleted_at IS NULL AND d.quarantined_at IS NULL
      AND ($4 OR l.generation IS NOT DISTINCT FROM n.generation)
    ORDER BY 1, 2
    FOR UPDATE OF d
), as_read AS (
    SELECT FROM device_now HAVING count(*) = json_array_length($3::json)
), moved AS (
    UPDATE device d SET command_seq = n.seq
    FROM device_now n, as_read WHERE d.org_id = n.org_id AND d.device_id = n.device_id
), audited AS (
    INSERT INTO audit_log (org_id, actor, action, target, detail, actor_kind, actor_id, credential,
                           address, request_id, outcome, reason, changes)
    SELECT a.* FROM json_to_recordset($5::json)
         AS a (org text, actor text, action text, target text, detail jsonb, actor_kind text,
               actor_id text, credential text, address text, request_id text, outcome text,
               reason text, changes jsonb), as_read
)
INSERT INTO command (org_id, command_id, device_id, seq, type, params, status, delivery,
                     timeout_ms, actor, batch_id, request_hash, expires_at, error,
                     sent_generation, journal_id, owner_kind, owner_id, owner_key, sent_at,
                     deadline, finished_at, accepted_by, redeliver, signature)
SELECT n.org_id, n.command_id, n.device_id, n.seq, n.type, n.params, n.status, n.delivery, n.timeout_ms,
       n.actor, n.batch_id, n.request_hash, n.expires_at, n.error, n.sent_generation, n.journal_id,
       n.owner_kind, n.owner_id, n.owner_key,
       CASE WHEN n.sent_generation IS NOT NULL THEN now() END,
       CASE WHEN n.delivery = 'now' OR n.sent_generation IS NOT NULL
            THEN now() + n.timeout_ms * interval '1 millisecond' END,
       CASE WHEN n.status >= 'SUCCESS' THEN now() END,
       $2, coalesce(n.redeliver, false), n.signature
FROM json_to_recordset($1::json)
     AS n (org_id text, command_id text, device_id text, seq bigint, type text, params jsonb,
           status command_status, delivery text, timeout_ms integer, actor text, batch_id text,
           request_hash bytea, expires_at timestamptz, error jsonb, sent_generation bigint,
           journal_id text, owner_kind text, owner_id text, owner_key text,
           redeliver boolean, signature text), as_read
RETURNING org_id, command_id, created_at, deadline, sent_at, finished_at

-- name: lock_unsent
-- The commands of these lines, in the order in which replies lock them.
SELECT FROM command c JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id)
     USING (org_id, device_id)
WHERE c.finished_at IS NULL
ORDER BY c.org_id, c.device_id, c.seq
FOR UPDATE OF c

-- name: unsent
-- The lines among these that are still the newest, with the number of their device's last command, and
-- what they have not been written: pending, sent on an older line, or beyond their last number. What is
-- past its deadline or expiry is left to the sweep, and a device in quarantine is left out. A number and its command appear together, so one
-- look without a lock has no holes. What was not sent yet goes by the rights that its owner has now, over
-- this device.
SELECT t.org_id AS line_org, t.device_id AS line_device, d.command_seq, c.*,
       CASE WHEN c.status = 'PENDING'
            THEN ARRAY(SELECT g.group_id FROM device_group_member g
                       WHERE g.org_id = c.org_id AND g.device_id = c.device_id) END AS groups
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
     AS t (org_id, device_id, generation, sent_up_to)
JOIN device d USING (org_id, device_id)
JOIN device_line l USING (org_id, device_id, generation)
LEFT JOIN command c
    ON c.org_id = t.org_id AND c.device_id = t.device_id AND c.finished_at IS NULL
   AND (c.status = 'PENDING' OR c.sent_generation <> t.generation OR c.seq > t.sent_up_to)
   AND (c.deadline IS NULL OR c.deadline > now())
   AND (c.status <> 'PENDING' OR c.expires_at IS NULL OR c.expires_at > now())
WHERE d.quarantined_at IS NULL
ORDER BY c.seq

-- name: claim
-- Commands as a claim decided: sent on this line, or ended; those that are still as they were read, on
-- lines that are still the newest, of devices in no quarantine.
WITH n AS (
    SELECT n.*
    FROM (SELECT * FROM json_to_recordset($1::json)
              AS n (org_id text, command_id text, line_device text, status_read command_status,
                    generation_read bigint, status command_status, error jsonb, sent boolean,
                    generation bigint, journal_id text)
          LIMIT json_array_length($1::json)) n
    JOIN command c USING (org_id, command_id)
    WHERE c.status = n.status_read
      AND c.sent_generation IS NOT DISTINCT FROM n.generation_read
      -- No join: from a line the planner would go on to every command that its device ever had.
      AND n.generation = (SELECT l.generation FROM device_line l
                          WHERE l.org_id = n.org_id AND l.device_id = n.line_device)
      AND (SELECT d.quarantined_at IS NULL FROM device d
           WHERE d.org_id = n.org_id AND d.device_id = n.line_device)
    ORDER BY c.org_id, c.device_id, c.seq
    FOR UPDATE OF c
)
UPDATE command c
SET status = n.status,
    error = coalesce(n.error, c.error),
    sent_at = CASE WHEN n.sent THEN coalesce(c.sent_at, now()) ELSE c.sent_at END,
    sent_generation = CASE WHEN n.sent THEN n.generation ELSE c.sent_generation END,
    journal_id = CASE WHEN n.sent THEN coalesce(n.journal_id, c.journal_id) ELSE c.journal_id END,
    deadline = CASE WHEN n.sent
                    THEN coalesce(c.deadline, now() + c.timeout_ms * interval '1 millisecond')
                    ELSE c.deadline END,
    finished_at = CASE WHEN n.sent THEN NULL ELSE now() END
FROM n WHERE c.org_id = n.org_id AND c.command_id = n.command_id
RETURNING c.*

-- name: channel_of @org
SELECT channel FROM firmware_release WHERE org_id = $1 AND release_id = $2

-- name: too_large
-- The largest command that each of these lines was written and has not answered: the device has closed
-- because of it. $4 error.
WITH big AS (
    SELECT DISTINCT ON (c.org_id, c.device_id) c.org_id, c.command_id
    FROM command c JOIN unnest($1::text[], $2::text[], $3::bigint[])
         AS t (org_id, device_id, generation) USING (org_id, device_id)
    WHERE c.finished_at IS NULL AND c.status = 'SENT' AND c.sent_generation = t.generation
    ORDER BY c.org_id, c.device_id,
             length(c.params::text) + coalesce(length(c.signature), 0) DESC, c.seq
)
UPDATE command c SET status = 'FAILED', finished_at = now(), error = $4
FROM big WHERE c.org_id = big.org_id AND c.command_id = big.command_id AND c.status = 'SENT'
RETURNING c.*

-- name: note_journal
-- A device's journal, learnt after commands had been sent on the line.
WITH sent AS (
    SELECT c.org_id, c.command_id, n.journal_id
    FROM command c JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
         AS n (org_id, device_id, generation, journal_id) USING (org_id, device_id)
    WHERE c.sent_generation = n.generation AND c.finished_at IS NULL
    ORDER BY c.org_id, c.device_id, c.seq
    FOR UPDATE OF c
)
UPDATE command c SET journal_id = sent.journal_id
FROM sent WHERE c.org_id = sent.org_id AND c.command_id = sent.command_id

-- name: lock_replied
-- The commands that replies are about, in the order in which claims lock them.
SELECT FROM command c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, command_id) USING (org_id, command_id)
ORDER BY c.org_id, c.device_id, c.seq
FOR UPDATE OF c

-- name: replied
-- The commands that replies are about, with the newest line of their devices.
SELECT c.*, l.generation AS line_generation
FROM command c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, command_id) USING (org_id, command_id)
LEFT JOIN device_line l ON l.org_id = c.org_id AND l.device_id = c.device_id

-- name: apply
-- Commands as replies left them, those that are still in the state in which they were read.
WITH n AS (
    SELECT n.*
    FROM command c
    JOIN (SELECT * FROM json_to_recordset($1::json)
              AS n (org_id text, command_id text, status_read command_status, status command_status,
                    progress jsonb, output text, data jsonb, error jsonb, late_result jsonb)
          LIMIT json_array_length($1::json)) n USING (org_id, command_id)
    WHERE c.status = n.status_read
    ORDER BY c.org_id, c.device_id, c.seq
    FOR UPDATE OF c
)
UPDATE command c
SET status = n.status, progress = n.progress, output = n.output, data = n.data,
    error = n.error, late_result = n.late_result,
    finished_at = CASE WHEN n.status >= 'SUCCESS'
                       THEN coalesce(c.finished_at, now()) END
FROM n WHERE c.org_id = n.org_id AND c.command_id = n.command_id
RETURNING c.org_id, c.command_id, c.finished_at

-- name: on_line
-- Which of these devices have a live line.
SELECT l.org_id, l.device_id
FROM device_line l JOIN replica r USING (replica_id)
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
WHERE l.closed_at IS NULL AND r.ended_at IS NULL

-- name: lock_one @org
-- A command, and the replica on which its device has a line.
SELECT c.*, l.replica_id AS owner FROM command c
LEFT JOIN device_line l ON l.org_id = c.org_id AND l.device_id = c.device_id AND l.closed_at IS NULL
WHERE c.org_id = $1 AND c.device_id = $2 AND c.command_id = $3
FOR UPDATE OF c

-- name: lock_pending @org
-- What waits for a device, in the order in which replies lock it.
SELECT * FROM command
WHERE org_id = $1 AND device_id = $2 AND finished_at IS NULL AND status = 'PENDING'
  AND ($3::text IS NULL OR type = $3)
ORDER BY seq
FOR UPDATE

-- name: withdraw @org
-- Cancelled before it was sent.
UPDATE command SET status = 'CANCELLED', finished_at = now(), cancelled_by = $3, error = $4
WHERE org_id = $1 AND command_id = $2
RETURNING *

-- name: ask_cancel @org
-- Somebody wants it cancelled; the device decides.
UPDATE command SET cancelled_by = $3 WHERE org_id = $1 AND command_id = $2
RETURNING *

-- name: time_out
-- Commands past their deadline, whatever their line does.
WITH late AS (
    SELECT org_id, command_id FROM command
    WHERE finished_at IS NULL AND deadline <= now()
    ORDER BY deadline LIMIT 1000
    FOR UPDATE SKIP LOCKED
)
UPDATE command c
SET status = 'TIMEOUT', finished_at = now(),
    error = CASE WHEN c.status = 'PENDING' THEN $1::jsonb ELSE $2::jsonb END
FROM late WHERE c.org_id = late.org_id AND c.command_id = late.command_id
RETURNING c.*

-- name: expire
-- Queued commands whose device did not come in time.
WITH late AS (
    SELECT org_id, command_id FROM command
    WHERE finished_at IS NULL AND status = 'PENDING' AND expires_at <= now()
    ORDER BY expires_at LIMIT 1000
    FOR UPDATE SKIP LOCKED
)
UPDATE command c SET status = 'EXPIRED', finished_at = now(), error = $1
FROM late WHERE c.org_id = late.org_id AND c.command_id = late.command_id
RETURNING c.*

-- name: unwritten_here
-- Devices on a line of this replica that have something which this line was not written: pending, or
-- accepted as sent on an older line after this one had looked.
SELECT DISTINCT c.org_id, c.device_id
FROM command c JOIN device_line l USING (org_id, device_id)
WHERE l.replica_id = $1 AND l.closed_at IS NULL AND c.finished_at IS NULL
  AND (c.status = 'PENDING' OR c.sent_generation <> l.generation)

-- name: cancels_here
-- Commands that somebody wants cancelled, sent on the present line of their device, here.
SELECT c.* FROM command c JOIN device_line l USING (org_id, device_id)
WHERE c.finished_at IS NULL AND c.cancelled_by IS NOT NULL
  AND l.replica_id = $1 AND l.closed_at IS NULL AND c.sent_generation = l.generation

-- name: finished
-- Which of these have ended.
SELECT command.* FROM command JOIN unnest($1::text[], $2::text[]) AS t (org_id, command_id)
     USING (org_id, command_id)
WHERE finished_at IS NOT NULL

-- name: get @org
SELECT * FROM command WHERE org_id = $1 AND device_id = $2 AND command_id = $3

-- name: batch @org
-- The commands of one bulk call.
SELECT * FROM command WHERE org_id = $1 AND batch_id = $2

-- name: list @org
-- Newest first; a filter that is null matches all. One branch runs, by the index that $14 names; the
-- limits within have the planner take the rows in order, and the filters look at them one by one.
WITH bound AS (
    SELECT least($6::timestamptz, coalesce($13::timestamptz, 'infinity') + interval '1 microsecond')
               AS before,
           CASE WHEN $6 > $13 THEN '' ELSE coalesce($7, '') END AS before_id,
           coalesce($12::timestamptz, '-infinity') AS since
)
SELECT * FROM ((
    SELECT * FROM command
    WHERE $14::text = 'recent' AND org_id = $1
      AND (created_at, command_id) < ((SELECT before FROM bound), (SELECT before_id FROM bound))
      AND created_at >= (SELECT since FROM bound)
    ORDER BY created_at DESC, command_id DESC LIMIT $8::bigint * 1000000000
) UNION ALL (
    SELECT * FROM command
    WHERE $14 = 'device' AND device_id = $2::text AND org_id = $1
      AND (created_at, command_id) < ((SELECT before FROM bound), (SELECT before_id FROM bound))
      AND created_at >= (SELECT greatest(born($1, $2), since) FROM bound)
    ORDER BY created_at DESC, command_id DESC LIMIT $8 * 1000000000
) UNION ALL (
    SELECT * FROM command
    WHERE $14 = 'batch' AND batch_id = $5::text AND org_id = $1
      AND (created_at, command_id) < ((SELECT before FROM bound), (SELECT before_id FROM bound))
      AND created_at >= (SELECT since FROM bound)
    ORDER BY created_at DESC, command_id DESC LIMIT $8 * 1000000000
) UNION ALL (
    SELECT * FROM command WHERE $14 = 'unfinished' AND finished_at IS NULL AND org_id = $1
    ORDER BY created_at DESC, command_id DESC OFFSET 0
) UNION ALL (
    SELECT c.* FROM (SELECT DISTINCT unnest($3::command_status[]::text[]) AS status) s
    CROSS JOIN LATERAL (
        SELECT * FROM command
        WHERE $14 = 'failed' AND failed = s.status AND org_id = $1
          AND (created_at, command_id) < ((SELECT before FROM bound), (SELECT before_id FROM bound))
          AND created_at >= (SELECT since FROM bound)
        ORDER BY created_at DESC, command_id DESC LIMIT $8 * 1000000000
    ) c
)) command
WHERE ($2 IS NULL OR device_id = $2 AND created_at >= (SELECT born($1, $2)))
  AND ($3 IS NULL OR status = ANY ($3))
  AND ($4::text[] IS NULL OR type = ANY ($4))
  AND ($5 IS NULL OR batch_id = $5)
  AND ($6 IS NULL OR (created_at, command_id) < ($6, $7))
  AND ($10::text IS NULL OR actor = $10)
  AND ($11::boolean IS NULL OR (finished_at IS NOT NULL) = $11)
  AND ($12 IS NULL OR created_at >= $12)
  AND ($13 IS NULL OR created_at <= $13)
  AND ($15::timestamptz IS NULL OR finished_at IS NULL OR finished_at >= $15)
ORDER BY created_at DESC, command_id DESC
LIMIT $8 OFFSET $9

-- name: forget
-- Ended commands past their retention, some at a time; and old idempotency keys. Counted from the
-- newest, in case the clock is wrong.
WITH keys AS (
    DELETE FROM idempotency_key
    WHERE created_at < least(now(), (SELECT max(created_at) FROM idempotency_key))
                       - interval '24 hours'
), gone AS (
    DELETE FROM command WHERE (org_id, command_id) IN (
        SELECT org_id, command_id FROM command
        WHERE finished_at < least(now(), (SELECT max(finished_at) FROM command
                                          WHERE finished_at IS NOT NULL))
                            - make_interval(days => $1) LIMIT 5000)
    RETURNING 1
)
SELECT count(*) FROM gone
