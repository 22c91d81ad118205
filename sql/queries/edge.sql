-- name: existing
-- Which of these records are there, whatever their kind.
SELECT record_id, digest FROM aggregated WHERE org_id = $1 AND record_id = ANY ($2::text[])

-- name: add
-- New records of a device; answers those that nobody has put there meanwhile.
INSERT INTO aggregated (org_id, device_id, record_id, kind, company_id, ts, data, digest)
SELECT $1, $2, r.* FROM unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[],
                               $8::bytea[]) AS r (record_id, kind, company_id, ts, data, digest)
ORDER BY r.record_id
ON CONFLICT DO NOTHING
RETURNING record_id

-- name: enqueue
-- In the order in which they were handed in.
INSERT INTO cloud_sync_queue (org_id, record_id, company_id, kind)
SELECT $1, r.record_id, r.company_id, r.kind
FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY
     AS r (record_id, company_id, kind, place)
ORDER BY r.place

-- name: add_lanes
INSERT INTO cloud_sync_lane (org_id, company_id, kind)
SELECT DISTINCT $1, r.company_id, r.kind
FROM unnest($2::text[], $3::text[]) AS r (company_id, kind)
ORDER BY 2, 3
ON CONFLICT DO NOTHING

-- name: claim
-- Lanes with something to push, that nobody pushes and that need not wait: for a replica ($1), for
-- so many seconds ($2), so many ($3). The one that waited longest goes first. A lease that ends later than it
-- could is of a clock that was wrong.
UPDATE cloud_sync_lane l
SET replica_id = $1, lease_until = now() + make_interval(secs => $2)
FROM (
    SELECT org_id, company_id, kind FROM cloud_sync_lane c
    WHERE (c.lease_until < now() OR c.lease_until > now() + make_interval(secs => $2))
      AND c.retry_at <= now()
      AND EXISTS (SELECT 1 FROM cloud_sync_queue q
                  WHERE q.org_id = c.org_id AND q.company_id = c.company_id AND q.kind = c.kind
                    AND q.status = 'pending')
    ORDER BY c.lease_until
    LIMIT $3
    FOR UPDATE SKIP LOCKED
) due
WHERE l.org_id = due.org_id AND l.company_id = due.company_id AND l.kind = due.kind
RETURNING l.org_id, l.company_id, l.kind, l.failures

-- name: next
-- The first records of a lane, in order.
SELECT q.record_id, a.ts, a.data
FROM cloud_sync_queue q JOIN aggregated a USING (org_id, record_id, kind)
WHERE q.org_id = $1 AND q.company_id = $2 AND q.kind = $3 AND q.status = 'pending'
ORDER BY q.queue_id
LIMIT $4

-- name: finish
-- Records that are with the cloud ($3, error null), or that it will never take.
UPDATE cloud_sync_queue
SET status = CASE WHEN $3::text IS NULL THEN 'done' ELSE 'dead' END, error = $3,
    attempts = attempts + 1, finished_at = now()
WHERE org_id = $1 AND record_id = ANY ($2::text[]) AND status = 'pending'

-- name: hold
-- Go on with a lane that went well; nothing when another replica has it.
UPDATE cloud_sync_lane
SET lease_until = now() + make_interval(secs => $5), failures = 0, error = NULL
WHERE org_id = $1 AND company_id = $2 AND kind = $3 AND replica_id = $4
RETURNING kind

-- name: release
-- Let go of a lane, for whoever comes next.
UPDATE cloud_sync_lane SET lease_until = now()
WHERE org_id = $1 AND company_id = $2 AND kind = $3 AND replica_id = $4

-- name: fail
-- Let go of a lane, for so many seconds ($6).
UPDATE cloud_sync_lane
SET lease_until = now(), failures = $5, retry_at = now() + make_interval(secs => $6), error = $7,
    failed_at = now()
WHERE org_id = $1 AND company_id = $2 AND kind = $3 AND replica_id = $4

-- name: pending
-- How many wait, of all organisations.
SELECT count(*) FROM cloud_sync_queue WHERE status = 'pending'

-- name: overview
-- How it stands: what waits, what was given up, and what is wrong now.
SELECT (SELECT count(*) FROM cloud_sync_queue WHERE org_id = $1 AND status = 'pending') AS pending,
       (SELECT count(*) FROM cloud_sync_queue WHERE org_id = $1 AND status = 'dead') AS dead,
       (SELECT extract(epoch FROM now() - min(created_at)) FROM cloud_sync_queue
        WHERE org_id = $1 AND status = 'pending')::float8 AS oldest,
       coalesce((SELECT error FROM cloud_sync_lane WHERE org_id = $1 AND failures > 0
                 ORDER BY failed_at DESC LIMIT 1),
                (SELECT error FROM cloud_sync_queue WHERE org_id = $1 AND status = 'dead'
                 ORDER BY finished_at DESC, record_id DESC LIMIT 1)) AS error

-- name: dead_letters
-- Newest first.
SELECT q.record_id, q.company_id, q.kind, q.attempts, q.error, q.finished_at,
       a.device_id, a.ts, a.data
FROM cloud_sync_queue q JOIN aggregated a USING (org_id, record_id, kind)
WHERE q.org_id = $1 AND q.status = 'dead'
  AND ($2::timestamptz IS NULL OR (q.finished_at, q.record_id) < ($2, $3))
ORDER BY q.finished_at DESC, q.record_id DESC
LIMIT $4

-- name: retry
-- A dead letter waits again, in its old place, and its lane need not wait.
WITH again AS (
    UPDATE cloud_sync_queue SET status = 'pending', finished_at = NULL
    WHERE org_id = $1 AND record_id = $2 AND status = 'dead'
    RETURNING org_id, company_id, kind
), lane AS (
    UPDATE cloud_sync_lane l SET retry_at = now()
    FROM again a
    WHERE l.org_id = a.org_id AND l.company_id = a.company_id AND l.kind = a.kind
)
SELECT kind FROM again

-- name: forget_done
-- What the cloud has had for so many days ($1), some at a time.
WITH gone AS (
    DELETE FROM cloud_sync_queue WHERE queue_id IN (
        SELECT queue_id FROM cloud_sync_queue
        WHERE finished_at < least(now(), (SELECT max(finished_at) FROM cloud_sync_queue
                                          WHERE finished_at IS NOT NULL))
                            - make_interval(days => $1) AND status = 'done' LIMIT 5000)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: forget_unsent
-- Dead letters past the retention of records ($1 days); without a cloud ($2) also what waits.
WITH gone AS (
    DELETE FROM cloud_sync_queue WHERE queue_id IN (
        SELECT queue_id FROM cloud_sync_queue
        WHERE coalesce(finished_at, created_at)
                  < least(now(), (SELECT max(created_at) FROM cloud_sync_queue))
                    - make_interval(days => $1)
          AND (status = 'dead' OR status = 'pending' AND $2) LIMIT 5000)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: forget_records
-- Records past their retention that no queue needs any more, some at a time.
WITH gone AS (
    DELETE FROM aggregated WHERE (org_id, record_id, kind) IN (
        SELECT a.org_id, a.record_id, a.kind FROM aggregated a
        WHERE a.received_at < least(now(), (SELECT max(received_at) FROM aggregated))
                              - make_interval(days => $1)
          AND NOT EXISTS (SELECT 1 FROM cloud_sync_queue q
                          WHERE q.org_id = a.org_id AND q.record_id = a.record_id)
        LIMIT 5000)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: modes_of
-- Where these devices send their records.
SELECT d.org_id, d.device_id, d.connection_mode
FROM device d JOIN unnest($1::text[], $2::text[]) AS w (org_id, device_id) USING (org_id, device_id)

-- name: modes
-- Where devices send their records, of those that were told otherwise within so many seconds ($1).
SELECT org_id, device_id, connection_mode FROM device
WHERE mode_changed_at > now() - make_interval(secs => $1) AND deleted_at IS NULL
