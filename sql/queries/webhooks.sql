-- name: change_alone @org
-- How many webhooks there are: nobody makes one meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || $1, 0))

-- name: count @org
SELECT count(*) FROM webhook WHERE org_id = $1

-- name: add @org
INSERT INTO webhook (org_id, webhook_id, name, url, types, query, words, header_names, sealed, enabled,
                     owner_kind, owner_id, owner_key, owner_name, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
RETURNING *

-- name: get @org
SELECT * FROM webhook WHERE org_id = $1 AND webhook_id = $2

-- name: lock @org
SELECT * FROM webhook WHERE org_id = $1 AND webhook_id = $2 FOR NO KEY UPDATE

-- name: list @org
-- Newest first, behind ($4, $5); of an owner ($2, $3) only, or of all.
SELECT * FROM webhook
WHERE org_id = $1 AND ($2::text IS NULL OR owner_id = $2 AND owner_key IS NOT DISTINCT FROM $3::text)
  AND (created_at, webhook_id) < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT coalesce($5, '')))
ORDER BY created_at DESC, webhook_id DESC LIMIT $6

-- name: put @org
-- Whoever changes it answers for it from now on, and it begins anew.
UPDATE webhook
SET version = version + 1, name = $3, url = $4, types = $5, query = $6, words = $7, header_names = $8,
    sealed = $9, enabled = $10, owner_kind = $11, owner_id = $12, owner_key = $13, owner_name = $14,
    reason = NULL, failures = 0, failing_since = NULL, updated_at = now()
WHERE org_id = $1 AND webhook_id = $2
RETURNING *

-- name: put_owner @org
UPDATE webhook
SET version = version + 1, owner_kind = 'user', owner_id = $3, owner_key = NULL, owner_name = $4,
    updated_at = now()
WHERE org_id = $1 AND webhook_id = $2
RETURNING *

-- name: member_name @org
-- The name of a member who is not blocked.
SELECT a.username FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.user_id = $2 AND NOT m.disabled

-- name: rotate @org
-- Its new secret and the former one; that one signs for so many seconds ($4) more.
UPDATE webhook
SET version = version + 1, sealed = $3, rotated_until = now() + make_interval(secs => $4), updated_at = now()
WHERE org_id = $1 AND webhook_id = $2
RETURNING *

-- name: delete @org
DELETE FROM webhook WHERE org_id = $1 AND webhook_id = $2 RETURNING name

-- name: note_change @org
-- Replicas that are at work read the webhooks of the organisation anew.
INSERT INTO revocation (org_id, kind, subject, lowest, highest) VALUES ($1, 'webhook', '*', 0, 0)

-- name: wake @org
-- Its job is due in so many seconds, whatever it waits for.
UPDATE job SET next_run = now() + make_interval(secs => $3), wait = make_interval(secs => $3)
WHERE kind = 'webhook' AND org_id = $1 AND key = $2

-- name: deliveries @org
-- Newest first, behind ($3, $4), without what was sent.
SELECT org_id, webhook_id, delivery_id, created_at, count, numbers IS NOT NULL AS pending, attempts, tried_at,
       status, error, ms, answer, delivered_at
FROM webhook_delivery
WHERE org_id = $1 AND webhook_id = $2
  AND (created_at, delivery_id) < ((SELECT coalesce($3::timestamptz, 'infinity')), (SELECT coalesce($4, '')))
ORDER BY created_at DESC, delivery_id DESC LIMIT $5

-- name: delivery @org
SELECT *, numbers IS NOT NULL AS pending FROM webhook_delivery
WHERE org_id = $1 AND webhook_id = $2 AND delivery_id = $3

-- name: note_attempt @org
-- Of one that a person asked for.
UPDATE webhook_delivery
SET attempts = attempts + 1, tried_at = now(), status = $4, error = $5, ms = $6, answer = $7,
    delivered_at = CASE WHEN $8 THEN coalesce(delivered_at, now()) ELSE delivered_at END
WHERE org_id = $1 AND webhook_id = $2 AND delivery_id = $3
RETURNING *, numbers IS NOT NULL AS pending

-- name: add_test @org
INSERT INTO webhook_delivery (org_id, webhook_id, delivery_id, count, device_ids, cleared_ids, tells_gap, body)
SELECT org_id, webhook_id, $3::text, 1, '{}', '{}', false, $4::text
FROM webhook WHERE org_id = $1 AND webhook_id = $2 FOR KEY SHARE

-- name: keeping
-- Those that keep events, of an organisation or of all.
SELECT org_id, webhook_id, types, query, words, owner_kind, owner_id, owner_key FROM webhook
WHERE (enabled OR reason IS NOT NULL) AND ($1::text IS NULL OR org_id = $1)

-- name: matching @org
-- Which of these devices ($2) a webhook is told of: those of its query, whose condition stands in for the
-- comment, and of the groups ($3) and devices ($4) that its owner sees; null where that is all.
SELECT d.device_id FROM device d
LEFT JOIN device_state s USING (org_id, device_id)
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN replica r USING (replica_id)
CROSS JOIN LATERAL (
    SELECT r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS connected,
           coalesce(now() - s.heard_at BETWEEN interval '0' AND interval '90 seconds', false) AS heard
) line
CROSS JOIN LATERAL (
    SELECT CASE WHEN connected THEN s.status WHEN heard THEN 'ONLINE' ELSE 'OFFLINE' END AS shown_status
) shown
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[])
  AND ($3::text[] IS NULL OR d.device_id = ANY ($4::text[]) OR EXISTS (
      SELECT FROM device_group_member m
      WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND m.group_id = ANY ($3)))
  AND (/*query*/ true)

-- name: keep @org
-- Events for webhooks that are there and keep them, in order.
INSERT INTO webhook_event (org_id, webhook_id, device_id, size, restricted, body)
SELECT e.org_id, e.webhook_id, e.device_id, e.size, e.restricted, e.body
FROM ROWS FROM (json_to_recordset($1::json)
         AS (org_id text, webhook_id text, device_id text, size integer, restricted boolean, body text))
     WITH ORDINALITY AS e (org_id, webhook_id, device_id, size, restricted, body, place)
JOIN webhook w ON w.org_id = e.org_id AND w.webhook_id = e.webhook_id
WHERE w.enabled OR w.reason IS NOT NULL
ORDER BY e.place

-- name: wake_all
-- The jobs that sleep although something waits are due; answers which.
UPDATE job SET next_run = now(), wait = '0'
WHERE job_id IN (
    SELECT job_id FROM job j
    WHERE kind = 'webhook' AND next_run IS NULL
      AND EXISTS (SELECT 1 FROM webhook_event e WHERE e.org_id = j.org_id AND e.webhook_id = j.key)
    FOR UPDATE SKIP LOCKED)
RETURNING job_id

-- name: owners
-- Who answers for what is delivered.
SELECT org_id, webhook_id, owner_kind, owner_id, owner_key FROM webhook WHERE enabled

-- name: disable
-- The hub does, and says why; it goes on keeping events.
WITH told AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest) VALUES ($1, 'webhook', '*', 0, 0)
)
UPDATE webhook SET enabled = false, reason = $3, version = version + 1, updated_at = now()
WHERE org_id = $1 AND webhook_id = $2 AND enabled
RETURNING *

-- name: one
-- To be delivered to; whether the former secret signs too.
SELECT *, coalesce(rotated_until > now(), false) AS rotating FROM webhook
WHERE org_id = $1 AND webhook_id = $2

-- name: pending
-- What was tried and is to be tried again.
SELECT *, true AS pending FROM webhook_delivery
WHERE org_id = $1 AND webhook_id = $2 AND numbers IS NOT NULL

-- name: standing
-- How much waits for a webhook, and for how many seconds the oldest has.
SELECT count(*) AS items, coalesce(sum(size), 0) AS bytes,
       coalesce(extract(epoch FROM now() - min(at)), 0)::float8 AS seconds
FROM webhook_event WHERE org_id = $1 AND webhook_id = $2

-- name: give_up
-- The oldest events beyond so many ($3), so many bytes ($4) and so many seconds ($5) go, and what is told of
-- them is that they are gone. What was to be tried again begins with one of them.
WITH placed AS (
    SELECT number, row_number() OVER w AS place, sum(size) OVER w AS bytes
    FROM webhook_event WHERE org_id = $1 AND webhook_id = $2
    WINDOW w AS (ORDER BY number DESC)
), gone AS (
    DELETE FROM webhook_event e USING placed p
    WHERE e.org_id = $1 AND e.webhook_id = $2 AND e.number = p.number
      AND (p.place > $3 OR p.bytes > $4 OR e.at < now() - make_interval(secs => $5))
    RETURNING e.at
), lost AS (
    SELECT count(*) AS count, min(at) AS since, max(at) AS until FROM gone
), withdrawn AS (
    UPDATE webhook_delivery SET numbers = NULL
    WHERE org_id = $1 AND webhook_id = $2 AND numbers IS NOT NULL AND (SELECT count FROM lost) > 0
)
UPDATE webhook w
SET gap_count = w.gap_count + lost.count, gap_from = least(w.gap_from, lost.since),
    gap_to = greatest(w.gap_to, lost.until)
FROM lost WHERE w.org_id = $1 AND w.webhook_id = $2 AND lost.count > 0
RETURNING lost.count

-- name: next
-- The first events that wait, in order.
SELECT number, device_id, restricted, body, extract(epoch FROM now() - at)::float8 AS age
FROM webhook_event WHERE org_id = $1 AND webhook_id = $2
ORDER BY number LIMIT $3

-- name: withdraw
-- What was to be tried again is not any more: its events are still there.
UPDATE webhook_delivery SET numbers = NULL WHERE org_id = $1 AND webhook_id = $2 AND numbers IS NOT NULL

-- name: drop_events
DELETE FROM webhook_event WHERE org_id = $1 AND webhook_id = $2 AND number = ANY ($3::bigint[])

-- name: open
-- A new delivery, to be tried until it is taken; nothing for a webhook that is gone.
INSERT INTO webhook_delivery (org_id, webhook_id, delivery_id, count, numbers, device_ids, cleared_ids,
                              tells_gap, body)
SELECT org_id, webhook_id, $3::text, $4::integer, $5::bigint[], $6::text[], $7::text[], $8::boolean, $9::text
FROM webhook WHERE org_id = $1 AND webhook_id = $2 FOR KEY SHARE
RETURNING *, true AS pending

-- name: taken
-- A delivery ($3) was taken: just its events ($7) go, and the gap, where it told it ($8).
WITH done AS (
    UPDATE webhook_delivery
    SET attempts = attempts + 1, tried_at = now(), status = $4, error = NULL, ms = $5, answer = $6,
        delivered_at = now(), numbers = NULL
    WHERE org_id = $1 AND webhook_id = $2 AND delivery_id = $3 AND numbers IS NOT NULL
    RETURNING 1
), gone AS (
    DELETE FROM webhook_event WHERE org_id = $1 AND webhook_id = $2 AND number = ANY ($7::bigint[])
)
UPDATE webhook
SET failures = 0, failing_since = NULL, succeeded_at = now(),
    gap_count = CASE WHEN $8 THEN 0 ELSE gap_count END,
    gap_from = CASE WHEN $8 THEN NULL ELSE gap_from END,
    gap_to = CASE WHEN $8 THEN NULL ELSE gap_to END
WHERE org_id = $1 AND webhook_id = $2 AND EXISTS (SELECT FROM done)

-- name: refused
-- A delivery ($3) was not taken; how many failures in a row that is, and for how many seconds.
WITH tried AS (
    UPDATE webhook_delivery
    SET attempts = attempts + 1, tried_at = now(), status = $4, error = $5, ms = $6, answer = $7
    WHERE org_id = $1 AND webhook_id = $2 AND delivery_id = $3
)
UPDATE webhook SET failures = failures + 1, failing_since = coalesce(failing_since, now())
WHERE org_id = $1 AND webhook_id = $2
RETURNING failures, extract(epoch FROM now() - failing_since)::float8 AS seconds

-- name: forget_events
-- Some of those of a webhook that is gone; how many.
WITH gone AS (
    DELETE FROM webhook_event WHERE org_id = $1 AND webhook_id = $2 AND number IN (
        SELECT number FROM webhook_event WHERE org_id = $1 AND webhook_id = $2 LIMIT 10000)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: forget_deliveries
-- Those of 7 days ago, counted from the newest, in case the clock is wrong; of a webhook all but the newest
-- 100,000, and what was sent of all but the newest 100 MiB.
WITH placed AS (
    SELECT org_id, webhook_id, delivery_id, created_at, row_number() OVER w AS place,
           sum(pg_column_size(body)) OVER w AS bytes, body IS NOT NULL AS is_kept
    FROM webhook_delivery WHERE numbers IS NULL
    WINDOW w AS (PARTITION BY org_id, webhook_id ORDER BY created_at DESC, delivery_id DESC)
), gone AS (
    DELETE FROM webhook_delivery d USING placed p
    WHERE (d.org_id, d.webhook_id, d.delivery_id) = (p.org_id, p.webhook_id, p.delivery_id)
      AND (p.place > 100000 OR p.created_at < least(now(), (SELECT max(created_at) FROM webhook_delivery))
                                              - interval '7 days')
)
UPDATE webhook_delivery d SET body = NULL FROM placed p
WHERE (d.org_id, d.webhook_id, d.delivery_id) = (p.org_id, p.webhook_id, p.delivery_id)
  AND p.is_kept AND p.bytes > 104857600 AND p.place <= 100000
