-- name: standing @org
-- The company that a device belongs to, and whether anything is taken of it.
SELECT company_id, quarantined_at IS NOT NULL AS quarantined FROM device WHERE org_id = $1 AND device_id = $2

-- name: existing @org
-- Which of these records of a device are there, whatever their kind.
SELECT record_id, digest FROM aggregated
WHERE org_id = $1 AND device_id = $2 AND record_id = ANY ($3::text[])

-- name: share @org
-- How many records of a device wait, counted up to $3.
SELECT count(*) FROM (SELECT 1 FROM cloud_sync_queue
                      WHERE org_id = $1 AND device_id = $2 AND status = 'pending' LIMIT $3) w

-- name: add @org
-- New records of a device; answers those that nobody has put there meanwhile.
INSERT INTO aggregated (org_id, device_id, record_id, kind, company_id, ts, data, digest)
SELECT $1, $2, r.* FROM unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[],
                               $8::bytea[]) AS r (record_id, kind, company_id, ts, data, digest)
ORDER BY r.record_id
ON CONFLICT DO NOTHING
RETURNING record_id

-- name: enqueue @org
-- In the order in which they were handed in.
INSERT INTO cloud_sync_queue (org_id, device_id, record_id, company_id, kind)
SELECT $1, $2, r.record_id, r.company_id, r.kind
FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY
     AS r (record_id, company_id, kind, place)
ORDER BY r.place

-- name: wake_lanes
-- Lanes that sleep although something waits in them are due; answers which.
UPDATE job SET next_run = now(), wait = '0'
WHERE job_id IN (
    SELECT job_id FROM job j
    WHERE kind = 'cloud_lane' AND next_run IS NULL
      AND EXISTS (SELECT 1 FROM cloud_sync_queue q
                  WHERE q.org_id = j.org_id AND q.company_id = j.key AND q.status = 'pending')
    FOR UPDATE SKIP LOCKED)
RETURNING job_id

-- name: next
-- The first records of a lane, in order.
SELECT q.queue_id, q.device_id, q.record_id, q.kind, a.ts, a.data
FROM cloud_sync_queue q JOIN aggregated a USING (org_id, device_id, record_id, kind)
WHERE q.org_id = $1 AND q.company_id = $2 AND q.status = 'pending'
ORDER BY q.queue_id
LIMIT $3

-- name: finish
-- Records that are with the cloud.
UPDATE cloud_sync_queue
SET status = 'done', error = NULL, attempts = attempts + 1, finished_at = now()
WHERE queue_id = ANY ($1::bigint[]) AND status = 'pending'

-- name: bury
-- Records that the cloud will never take; answers which. One whose company has an older one that
-- waits (a dead letter that was put back meanwhile) goes on waiting behind it: it may need that.
UPDATE cloud_sync_queue q
SET status = 'dead', error = $2, attempts = attempts + 1, finished_at = now()
WHERE queue_id = ANY ($1::bigint[]) AND status = 'pending'
  AND NOT EXISTS (SELECT 1 FROM cloud_sync_queue o
                  WHERE o.org_id = q.org_id AND o.company_id = q.company_id
                    AND o.status = 'pending' AND o.queue_id < q.queue_id)
RETURNING queue_id

-- name: pending
-- How many wait, of all organisations.
SELECT count(*) FROM cloud_sync_queue WHERE status = 'pending'

-- name: overview @org
-- How it stands: what waits, what was given up (since $2), and what is wrong with what waits.
SELECT (SELECT count(*) FROM cloud_sync_queue WHERE org_id = $1 AND status = 'pending') AS pending,
       (SELECT count(*) FROM cloud_sync_queue
        WHERE org_id = $1 AND status = 'dead' AND ($2::timestamptz IS NULL OR finished_at >= $2)) AS dead,
       (SELECT extract(epoch FROM now() - min(created_at)) FROM cloud_sync_queue
        WHERE org_id = $1 AND status = 'pending')::float8 AS oldest,
       (SELECT l.last_error FROM job l
        WHERE l.kind = 'cloud_lane' AND l.org_id = $1 AND l.failures > 0
          AND EXISTS (SELECT 1 FROM cloud_sync_queue q
                      WHERE q.org_id = l.org_id AND q.company_id = l.key
                        AND q.status = 'pending')
        ORDER BY l.last_run DESC LIMIT 1) AS error

-- name: dead_letters @org
-- Newest first; those since $5.
SELECT q.queue_id, q.record_id, q.company_id, q.kind, q.attempts, q.error, q.finished_at,
       q.device_id, a.ts, a.data
FROM (
    SELECT * FROM cloud_sync_queue
    WHERE org_id = $1 AND status = 'dead' AND finished_at >= (SELECT coalesce($5::timestamptz, '-infinity'))
      AND (finished_at, queue_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3::bigint, 0)))
    ORDER BY finished_at DESC, queue_id DESC LIMIT $4::bigint * 1000000000
) q
JOIN aggregated a USING (org_id, device_id, record_id, kind)
ORDER BY q.finished_at DESC, q.queue_id DESC
LIMIT $4

-- name: retry @org
-- Dead letters of these kinds, companies and ids (null: any) wait again, in their old places, and
-- their lanes need not wait; how many.
WITH again AS (
    UPDATE cloud_sync_queue SET status = 'pending', finished_at = NULL
    WHERE org_id = $1 AND status = 'dead' AND ($2::text IS NULL OR kind = $2)
      AND ($3::text IS NULL OR company_id = $3)
      AND ($4::text[] IS NULL OR record_id = ANY ($4::text[]))
    RETURNING org_id, company_id
), lane AS (
    UPDATE job l SET next_run = now(), wait = '0'
    WHERE l.kind = 'cloud_lane'
      AND (l.org_id, l.key) IN (SELECT org_id, company_id FROM again)
)
SELECT count(*) FROM again

-- name: discard @org
-- Dead letters of these kinds, companies and ids (null: any) are none any more, the records themselves stay
-- as what never reached the cloud; how many.
WITH gone AS (
    UPDATE cloud_sync_queue SET status = 'discarded'
    WHERE org_id = $1 AND status = 'dead' AND ($2::text IS NULL OR kind = $2)
      AND ($3::text IS NULL OR company_id = $3)
      AND ($4::text[] IS NULL OR record_id = ANY ($4::text[]))
    RETURNING 1
)
SELECT count(*) FROM gone

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
          AND (status IN ('dead', 'discarded') OR status = 'pending' AND $2) LIMIT 5000)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: forget_records
-- Records past their retention that no queue needs any more, some at a time.
WITH gone AS (
    DELETE FROM aggregated WHERE (org_id, device_id, record_id, kind) IN (
        SELECT a.org_id, a.device_id, a.record_id, a.kind FROM aggregated a
        WHERE a.received_at < least(now(), (SELECT max(received_at) FROM aggregated))
                              - make_interval(days => $1)
          AND NOT EXISTS (SELECT 1 FROM cloud_sync_queue q
                          WHERE q.org_id = a.org_id AND q.device_id = a.device_id
                            AND q.record_id = a.record_id)
        LIMIT 5000)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: records @org
-- Newest first, received from $2 up to $3, behind the row ($4, $5, $6); what else was asked for stands in for
-- the comment. What the queue has forgotten was done long ago; what somebody deleted from the dead letters
-- never reached the cloud.
SELECT a.*, q.finished_at, q.error,
       CASE coalesce(q.status, 'done') WHEN 'discarded' THEN 'dead' ELSE coalesce(q.status, 'done') END AS cloud
FROM (
    SELECT org_id, device_id, record_id, kind, company_id, ts, data, received_at FROM aggregated a
    WHERE org_id = $1 AND received_at >= (SELECT coalesce($2::timestamptz, '-infinity'))
      AND received_at <= (SELECT $3::timestamptz)
      AND (received_at, device_id, record_id)
          < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT $5::text), (SELECT $6::text))
      AND (/*asked*/ true)
    ORDER BY received_at DESC, device_id DESC, record_id DESC
    LIMIT $7
) a
LEFT JOIN cloud_sync_queue q USING (org_id, device_id, record_id)
ORDER BY a.received_at DESC, a.device_id DESC, a.record_id DESC

-- name: records_done @org
-- The same of those that are with the cloud ($8): nearly all.
SELECT a.*, q.finished_at, q.error, $8::text AS cloud
FROM (
    SELECT org_id, device_id, record_id, kind, company_id, ts, data, received_at FROM aggregated a
    WHERE org_id = $1 AND received_at >= (SELECT coalesce($2::timestamptz, '-infinity'))
      AND received_at <= (SELECT $3::timestamptz)
      AND (received_at, device_id, record_id)
          < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT $5::text), (SELECT $6::text))
      AND (/*asked*/ true)
      AND NOT EXISTS (SELECT FROM cloud_sync_queue o
                      WHERE o.org_id = a.org_id AND o.device_id = a.device_id AND o.record_id = a.record_id
                        AND o.status <> 'done')
    ORDER BY received_at DESC, device_id DESC, record_id DESC
    LIMIT $7
) a
LEFT JOIN cloud_sync_queue q USING (org_id, device_id, record_id)
ORDER BY a.received_at DESC, a.device_id DESC, a.record_id DESC

-- name: records_pending @org
-- The same of those that wait ($8): all of them are looked at, for the queue has a bound.
WITH q AS MATERIALIZED (
    SELECT org_id, device_id, record_id, kind, finished_at, error FROM cloud_sync_queue
    WHERE org_id = $1 AND status = 'pending'
)
SELECT a.org_id, a.device_id, a.record_id, a.kind, a.company_id, a.ts, a.data, a.received_at,
       q.finished_at, q.error, $8::text AS cloud
FROM q CROSS JOIN LATERAL (
    SELECT * FROM aggregated a WHERE (a.org_id, a.device_id, a.record_id, a.kind)
                                     = (q.org_id, q.device_id, q.record_id, q.kind)
    OFFSET 0
) a
WHERE a.received_at >= (SELECT coalesce($2::timestamptz, '-infinity'))
  AND a.received_at <= (SELECT $3::timestamptz)
  AND (a.received_at, a.device_id, a.record_id)
      < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT $5::text), (SELECT $6::text))
  AND (/*asked*/ true)
ORDER BY a.received_at DESC, a.device_id DESC, a.record_id DESC
LIMIT $7

-- name: records_dead @org
-- The same of those that the cloud has not taken ($8), also those that were deleted.
WITH q AS MATERIALIZED (
    SELECT org_id, device_id, record_id, kind, finished_at, error FROM cloud_sync_queue
    WHERE org_id = $1 AND status IN ('dead', 'discarded')
)
SELECT a.org_id, a.device_id, a.record_id, a.kind, a.company_id, a.ts, a.data, a.received_at,
       q.finished_at, q.error, $8::text AS cloud
FROM q CROSS JOIN LATERAL (
    SELECT * FROM aggregated a WHERE (a.org_id, a.device_id, a.record_id, a.kind)
                                     = (q.org_id, q.device_id, q.record_id, q.kind)
    OFFSET 0
) a
WHERE a.received_at >= (SELECT coalesce($2::timestamptz, '-infinity'))
  AND a.received_at <= (SELECT $3::timestamptz)
  AND (a.received_at, a.device_id, a.record_id)
      < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT $5::text), (SELECT $6::text))
  AND (/*asked*/ true)
ORDER BY a.received_at DESC, a.device_id DESC, a.record_id DESC
LIMIT $7

-- name: record @org
-- One, received since $5.
SELECT a.device_id, a.record_id, a.kind, a.company_id, a.ts, a.data, a.received_at, q.finished_at, q.error,
       CASE coalesce(q.status, 'done') WHEN 'discarded' THEN 'dead' ELSE coalesce(q.status, 'done') END AS cloud
FROM aggregated a LEFT JOIN cloud_sync_queue q USING (org_id, device_id, record_id)
WHERE a.org_id = $1 AND a.device_id = $2 AND a.record_id = $3 AND a.kind = $4
  AND ($5::timestamptz IS NULL OR a.received_at >= $5)

-- name: record_counts @org
-- How many were received from $2 up to $3 of each of what stands in for the comment.
SELECT ARRAY[/*groups*/ kind] AS of, count(*) AS count FROM aggregated
WHERE org_id = $1 AND received_at >= (SELECT coalesce($2::timestamptz, '-infinity'))
  AND received_at <= (SELECT $3::timestamptz)
GROUP BY 1
ORDER BY 1
