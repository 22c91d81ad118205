-- name: add @org
-- Jobs of one kind ($1) and organisation ($2) that are not there yet, due now.
INSERT INTO job (kind, org_id, key)
SELECT DISTINCT $1, $2::text, key FROM unnest($3::text[]) AS k (key)
ORDER BY key
ON CONFLICT DO NOTHING

-- name: add_only
-- The only job of each kind ($1), due after its first wait ($2, seconds). One that is to run more often
-- than before does not wait longer than that.
INSERT INTO job AS j (kind, next_run, wait)
SELECT kind, now() + make_interval(secs => wait), make_interval(secs => wait)
FROM unnest($1::text[], $2::float8[]) AS k (kind, wait)
ORDER BY kind
ON CONFLICT (kind, org_id, key) DO UPDATE SET next_run = excluded.next_run, wait = excluded.wait
WHERE j.next_run > excluded.next_run

-- name: claim
-- Jobs that are due and that nobody holds, for a replica ($1): of each kind ($2) so many ($3), each for
-- so many seconds ($4), the one that waited longest first. A lease that ends later than one of now
-- would was begun by a clock that has been set back, and counts as over; asked of the clock as it is, for
-- another may have claimed after this transaction began. Who is in the middle of a fenced transaction is
-- skipped.
WITH due AS (
    SELECT j.job_id, k.lease
    FROM unnest($2::text[], $3::integer[], $4::float8[]) AS k (kind, room, lease)
    CROSS JOIN LATERAL (
        SELECT job_id FROM job
        WHERE kind = k.kind AND next_run <= now()
          AND (holder IS NULL OR lease_until <= now()
               OR lease_until > clock_timestamp() + make_interval(secs => k.lease))
        ORDER BY next_run LIMIT k.room
        FOR UPDATE SKIP LOCKED
    ) j
)
UPDATE job j
SET holder = $1, epoch = j.epoch + 1, lease_until = now() + make_interval(secs => due.lease)
FROM due WHERE j.job_id = due.job_id
RETURNING j.job_id, j.kind, j.org_id, j.key, j.holder, j.epoch, j.next_run, j.failures,
          extract(epoch FROM now() - j.next_run)::float8 AS late

-- name: renew
-- Go on holding these ($2: job_id, epoch, lease in seconds, whether it ran since the last renewal);
-- answers those that this replica ($1) still had.
UPDATE job j
SET lease_until = now() + make_interval(secs => h.lease),
    last_run = CASE WHEN h.ran THEN now() ELSE j.last_run END,
    failures = CASE WHEN h.ran THEN 0 ELSE j.failures END,
    last_error = CASE WHEN h.ran THEN NULL ELSE j.last_error END
FROM (SELECT * FROM json_to_recordset($2::json)
          AS h (job_id bigint, epoch bigint, lease float8, ran boolean)
      LIMIT json_array_length($2::json)) h
WHERE j.job_id = h.job_id AND j.epoch = h.epoch AND j.holder = $1
RETURNING j.job_id

-- name: end_runs
-- Give these back ($2) after a run: due again in so many seconds, at a moment, or when somebody has
-- something for it. Who asked for another run meanwhile gets it.
UPDATE job j
SET holder = NULL, lease_until = NULL, last_run = now(),
    next_run = CASE WHEN j.next_run IS DISTINCT FROM r.due THEN j.next_run
                    WHEN r.wait IS NULL THEN r.at
                    ELSE now() + make_interval(secs => r.wait) END,
    wait = CASE WHEN j.next_run IS DISTINCT FROM r.due THEN j.wait
                ELSE make_interval(secs => r.wait) END,
    failures = CASE WHEN r.error IS NULL THEN 0 ELSE j.failures + 1 END,
    last_error = r.error
FROM (SELECT * FROM json_to_recordset($2::json)
          AS r (job_id bigint, epoch bigint, due timestamptz, wait float8, at timestamptz, error text)
      LIMIT json_array_length($2::json)) r
WHERE j.job_id = r.job_id AND j.epoch = r.epoch AND j.holder = $1

-- name: give_back
-- Whatever this replica holds, for any other.
UPDATE job SET holder = NULL, lease_until = NULL WHERE holder = $1

-- name: release_others
-- Whatever others hold: they are dead.
UPDATE job SET holder = NULL, lease_until = NULL WHERE holder <> $1

-- name: fence
-- A row while the replica still has the job; until the end of the transaction nobody takes it. It can
-- be renewed meanwhile: that changes no key.
SELECT 1 FROM job WHERE job_id = $1 AND epoch = $2 AND holder = $3 FOR KEY SHARE

-- name: go_on
-- Hold on to a job that goes well for so many seconds ($4); nothing when another replica has it.
UPDATE job
SET lease_until = now() + make_interval(secs => $4), failures = 0, last_error = NULL
WHERE job_id = $1 AND epoch = $2 AND holder = $3
RETURNING job_id

-- name: remove
-- It is over.
DELETE FROM job WHERE job_id = $1 AND epoch = $2 AND holder = $3
