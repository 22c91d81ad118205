-- name: change_alone @org
-- Nobody makes one meanwhile: how many there are is looked up first.
SELECT pg_advisory_xact_lock(hashtextextended('schedules ' || $1, 0))

-- name: count @org
-- Those that have not ended.
SELECT count(*) FROM schedule WHERE org_id = $1 AND ended_at IS NULL

-- name: add @org
-- Nothing where it is there already.
INSERT INTO schedule (org_id, schedule_id, name, cron, at, timezone, ends_at, target, work, missed, overlap,
                      jitter_seconds, enabled, rights, owner_kind, owner_id, owner_key, owner_name, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
ON CONFLICT DO NOTHING
RETURNING *

-- name: get @org
SELECT * FROM schedule WHERE org_id = $1 AND schedule_id = $2

-- name: lock @org
-- With the database's time.
SELECT *, now() AS now FROM schedule WHERE org_id = $1 AND schedule_id = $2 FOR NO KEY UPDATE

-- name: list @org
-- Newest first, behind ($4, $5); of an owner ($2, $3) only, or of all.
SELECT * FROM schedule
WHERE org_id = $1 AND ($2::text IS NULL OR owner_id = $2 AND owner_key IS NOT DISTINCT FROM $3::text)
  AND (created_at, schedule_id) < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT coalesce($5, '')))
ORDER BY created_at DESC, schedule_id DESC LIMIT $6

-- name: put @org
-- Whoever changes it answers for it from now on; it begins with what is due next.
UPDATE schedule
SET revision = revision + 1, name = $3, cron = $4, at = $5, timezone = $6, ends_at = $7, target = $8, work = $9,
    missed = $10, overlap = $11, jitter_seconds = $12, enabled = $13, rights = $14, owner_kind = $15, owner_id = $16,
    owner_key = $17, owner_name = $18, reason = NULL, since = now(), ended_at = NULL, updated_at = now()
WHERE org_id = $1 AND schedule_id = $2
RETURNING *

-- name: put_owner @org
-- One that was suspended goes on, with what is due next.
UPDATE schedule
SET owner_kind = 'user', owner_id = $3, owner_key = NULL, owner_name = $4, updated_at = now(),
    since = CASE WHEN reason IS NULL THEN since ELSE now() END, reason = NULL
WHERE org_id = $1 AND schedule_id = $2
RETURNING *

-- name: member_name @org
-- The name of a member who is not blocked.
SELECT a.username FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.user_id = $2 AND NOT m.disabled

-- name: delete @org
-- With its runs.
DELETE FROM schedule WHERE org_id = $1 AND schedule_id = $2 RETURNING name

-- name: wake @org
-- A job of this kind ($2) is due now, whatever it waits for.
INSERT INTO job (kind, org_id, key) VALUES ($2, $1, $3)
ON CONFLICT (kind, org_id, key) DO UPDATE SET next_run = now(), wait = interval '0'

-- name: begin @org
-- The run of a due time; nothing where it has one. $4: now, for one that a person asked for.
INSERT INTO schedule_run (org_id, schedule_id, run_id, due, by_hand, revision, status, is_campaign, stands_for,
                          error, started_at, finished_at)
SELECT org_id, schedule_id, $3, $4, $5, revision, $6, work ->> 'type' = 'campaign', $7::integer, $8::jsonb,
       CASE WHEN $6 = 'RUNNING' THEN now() END, CASE WHEN $6 <> 'RUNNING' THEN now() END
FROM schedule WHERE org_id = $1 AND schedule_id = $2
ON CONFLICT (org_id, schedule_id, due) DO NOTHING
RETURNING *

-- name: under_way @org
-- Runs of it that are not over: its commands and campaigns are asked, for nobody may have looked since they
-- ended.
SELECT run_id FROM schedule_run r
WHERE org_id = $1 AND schedule_id = $2 AND status = 'RUNNING'
  AND CASE WHEN total IS NULL OR sent < total THEN true
           WHEN is_campaign THEN EXISTS (SELECT FROM campaign c
                                         WHERE c.org_id = r.org_id AND c.campaign_id = r.run_id AND c.finished_at IS NULL)
           ELSE EXISTS (SELECT FROM command c
                        WHERE c.org_id = r.org_id AND c.batch_id = r.run_id AND c.finished_at IS NULL) END

-- name: end @org
-- These runs ($2), which are not over, with an error ($3): nothing more is sent of them.
UPDATE schedule_run SET status = 'FAILED', error = $3, finished_at = now(), targets = NULL
WHERE org_id = $1 AND run_id = ANY ($2::text[]) AND status = 'RUNNING'
RETURNING *

-- name: admit @org
-- A run that waited has its approval.
UPDATE schedule_run SET admitted = true
WHERE org_id = $1 AND run_id = $2 AND status = 'RUNNING'
RETURNING run_id

-- name: runs @org
-- Newest first, behind ($3, $4).
SELECT org_id, schedule_id, run_id, due, by_hand, revision, status, started_at, finished_at, stands_for, is_campaign,
       approval_id, admitted, total, sent, skipped, counts, error
FROM schedule_run
WHERE org_id = $1 AND schedule_id = $2
  AND (due, run_id) < ((SELECT coalesce($3::timestamptz, 'infinity')), (SELECT coalesce($4, '')))
ORDER BY due DESC, run_id DESC LIMIT $5

-- name: wants_signature @org
-- One of these devices ($3; null: any) that has refused a command of this type ($2) because nobody had signed
-- it, and has not run one since.
SELECT c.device_id FROM command c
WHERE c.org_id = $1 AND c.failed = 'REJECTED' AND c.type = $2 AND c.error ->> 'code' = 'bad_signature'
  AND c.signature IS NULL AND ($3::text[] IS NULL OR c.device_id = ANY ($3))
  AND NOT EXISTS (SELECT FROM command n
                  WHERE n.org_id = c.org_id AND n.device_id = c.device_id AND n.seq > c.seq AND n.type = c.type
                    AND n.signature IS NULL AND n.status = 'SUCCESS')
ORDER BY c.device_id LIMIT 1

-- name: zones
-- The time zones that devices of the organisation are in: what timezone_of says of one, for all at once.
SELECT DISTINCT coalesce(d.timezone, g.timezone, o.timezone) AS zone
FROM device d JOIN org o USING (org_id)
LEFT JOIN LATERAL (
    SELECT g.timezone FROM device_group_member m JOIN device_group g USING (org_id, group_id)
    WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND g.timezone IS NOT NULL
    ORDER BY lower(g.name) LIMIT 1
) g ON d.timezone IS NULL
WHERE d.org_id = $1 AND d.deleted_at IS NULL

-- name: zones_of
-- The time zone of each of these devices.
SELECT d.device_id, coalesce(d.timezone, g.timezone, o.timezone) AS zone
FROM device d JOIN org o USING (org_id)
LEFT JOIN LATERAL (
    SELECT g.timezone FROM device_group_member m JOIN device_group g USING (org_id, group_id)
    WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND g.timezone IS NOT NULL
    ORDER BY lower(g.name) LIMIT 1
) g ON d.timezone IS NULL
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[])

-- name: drop
-- A run that is for nobody.
DELETE FROM schedule_run WHERE org_id = $1 AND run_id = $2

-- name: due
-- A schedule that may be due, and the database's time.
SELECT *, now() AS now FROM schedule WHERE org_id = $1 AND schedule_id = $2

-- name: lock_due
-- The same, when what has come is counted.
SELECT * FROM schedule WHERE org_id = $1 AND schedule_id = $2 FOR NO KEY UPDATE

-- name: looked
-- It was looked at up to then ($3); with $4 nothing is left to come.
UPDATE schedule SET since = $3, ended_at = CASE WHEN $4 THEN now() END
WHERE org_id = $1 AND schedule_id = $2

-- name: driven
-- A run, and for how many seconds it has been under way: none, where the clock was set back since.
SELECT *, greatest(0, extract(epoch FROM now() - started_at))::float8 AS seconds FROM schedule_run
WHERE org_id = $1 AND run_id = $2

-- name: schedule_of
SELECT * FROM schedule WHERE org_id = $1 AND schedule_id = $2

-- name: look_up
-- Its targets, in the order of their turns.
UPDATE schedule_run
SET targets = $3, total = cardinality($3::text[]) + $4::integer, sent = $4::integer, skipped = $5
WHERE org_id = $1 AND run_id = $2 AND status = 'RUNNING' AND total IS NULL

-- name: await
UPDATE schedule_run SET approval_id = $3, admitted = $3::text IS NULL
WHERE org_id = $1 AND run_id = $2 AND status = 'RUNNING' AND NOT admitted AND approval_id IS NULL

-- name: turns
-- The next so many ($3) of its targets. Who was refused when they were looked up is not among these.
SELECT targets[sent - (total - cardinality(targets)) + 1 : sent - (total - cardinality(targets)) + $3] AS targets
FROM schedule_run WHERE org_id = $1 AND run_id = $2

-- name: sent
-- So many ($4) have had their turn, from the one behind $3; of these $5 got nothing.
UPDATE schedule_run
SET sent = sent + $4, skipped = $5, targets = CASE WHEN sent + $4 < total THEN targets END
WHERE org_id = $1 AND run_id = $2 AND status = 'RUNNING' AND sent = $3

-- name: commands
-- How many commands of a run there are, by state.
SELECT status, count(*)::integer AS count FROM command WHERE org_id = $1 AND batch_id = $2 GROUP BY status

-- name: unfinished
SELECT device_id, command_id FROM command
WHERE org_id = $1 AND batch_id = $2 AND finished_at IS NULL AND cancelled_by IS NULL
ORDER BY created_at DESC, command_id DESC LIMIT $3

-- name: counted
UPDATE schedule_run SET counts = $3 WHERE org_id = $1 AND run_id = $2

-- name: close
-- A run ends, or is as it is in the end, after it was ended from outside. An error that is there stays.
UPDATE schedule_run
SET status = $3, counts = $4, error = coalesce(error, $5), finished_at = coalesce(finished_at, now()), targets = NULL
WHERE org_id = $1 AND run_id = $2 AND (status = 'RUNNING' OR status = 'FAILED')

-- name: owners
-- Whose schedules may come, and what each of them must have.
SELECT org_id, schedule_id, owner_kind, owner_id, owner_key, rights FROM schedule
WHERE ended_at IS NULL AND reason IS NULL AND enabled

-- name: suspend
-- One that is still its ($4, $5).
UPDATE schedule SET reason = $3
WHERE org_id = $1 AND schedule_id = $2 AND reason IS NULL AND ended_at IS NULL
  AND owner_id = $4 AND owner_key IS NOT DISTINCT FROM $5::text
RETURNING *

-- name: set_back
-- Those that were looked at by a clock which has been set back since: they come again by the clock as it is. What
-- has run has its row.
WITH ahead AS (
    UPDATE schedule SET since = now()
    WHERE since > now() + interval '1 second' AND ended_at IS NULL AND reason IS NULL AND enabled
    RETURNING org_id, schedule_id
), woken AS (
    UPDATE job j SET next_run = now(), wait = interval '0'
    FROM ahead a WHERE j.kind = 'schedule' AND j.org_id = a.org_id AND j.key = a.schedule_id
    RETURNING 1
)
SELECT count(*) FROM woken

-- name: forget_runs
-- Some of those that ended so many days ($1) ago, counted from the newest, in case the clock is wrong; how many.
WITH old AS (
    SELECT org_id, schedule_id, due FROM schedule_run
    WHERE finished_at < least(now(), (SELECT max(finished_at) FROM schedule_run)) - make_interval(days => $1)
    ORDER BY finished_at LIMIT 10000
), gone AS (
    DELETE FROM schedule_run r USING old o
    WHERE (r.org_id, r.schedule_id, r.due) = (o.org_id, o.schedule_id, o.due)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: forget
-- Those that ended so many days ($1) ago, whose runs are gone.
DELETE FROM schedule s
WHERE ended_at < least(now(), (SELECT max(since) FROM schedule)) - make_interval(days => $1)
  AND NOT EXISTS (SELECT FROM schedule_run r WHERE r.org_id = s.org_id AND r.schedule_id = s.schedule_id)

-- name: status_counts
-- How many there are, by status.
SELECT CASE WHEN ended_at IS NOT NULL THEN 'ENDED' WHEN reason IS NULL AND enabled THEN 'ACTIVE' ELSE 'SUSPENDED' END
           AS status, count(*)::integer AS count
FROM schedule GROUP BY 1
