-- name: lock_marks
-- The mark of each (organisation, device, start of its agent), locked; made when missing.
INSERT INTO event_mark AS m (org_id, device_id, boot_id, seq)
SELECT org_id, device_id, boot_id, 0
FROM unnest($1::text[], $2::text[], $3::text[]) AS mark (org_id, device_id, boot_id)
ORDER BY 1, 2, 3
ON CONFLICT (org_id, device_id, boot_id) DO UPDATE SET updated_at = now()
RETURNING org_id, device_id, boot_id, seq

-- name: superseded
-- Which of these lines are not the newest of their device; what they sent counts for nothing. Answers
-- their places in the arrays, so that a batch in which all is well moves no rows.
SELECT s.number
FROM (SELECT * FROM ROWS FROM (
          json_to_recordset($1::json) AS (org_id text, device_id text, generation bigint))
          WITH ORDINALITY AS s (org_id, device_id, generation, number)
      LIMIT json_array_length($1::json)) s
LEFT JOIN device_line l USING (org_id, device_id)
WHERE l.generation IS DISTINCT FROM s.generation

-- name: move_marks
-- Up to where durable events are committed with this transaction.
UPDATE event_mark m SET seq = n.seq
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS n (org_id, device_id, boot_id, seq)
WHERE m.org_id = n.org_id AND m.device_id = n.device_id AND m.boot_id = n.boot_id
  AND m.seq < n.seq

-- name: set_states
-- The latest status of each device whose line is the newest, locked in order, so that two batches
-- cannot deadlock. What it does not say of its programs is as it was.
WITH present AS (
    SELECT s.org_id, s.device_id, n.status, n.metrics, n.agents::jsonb, n.at
    FROM device_state s
    JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::jsonb[], $6::text[],
                $7::timestamptz[])
         AS n (org_id, device_id, generation, status, metrics, agents, at)
         USING (org_id, device_id)
    JOIN device_line l USING (org_id, device_id, generation)
    ORDER BY 1, 2
    FOR UPDATE OF s
)
UPDATE device_state s
SET status = n.status, metrics = n.metrics, agents = coalesce(n.agents, s.agents),
    last_seen = greatest(s.last_seen, n.at)
FROM present n
WHERE s.org_id = n.org_id AND s.device_id = n.device_id

-- name: set_workloads
-- What devices said last of their applications, of 64 at most. One that says nothing of its services has
-- none of it.
WITH said AS (
    SELECT s.* FROM json_to_recordset($1::json)
        AS s (org_id text, device_id text, application text, version text, services jsonb, hash text,
              bare_hash text, observed_at timestamptz)
    JOIN device d USING (org_id, device_id)
), gone AS (
    DELETE FROM workload_report r USING said s
    WHERE r.org_id = s.org_id AND r.device_id = s.device_id AND r.application = s.application
      AND s.services = '[]'
)
INSERT INTO workload_report AS r (org_id, device_id, application, version, services, hash, bare_hash, observed_at)
SELECT org_id, device_id, application, version, services, hash, bare_hash, observed_at FROM said s
WHERE services <> '[]'
  AND (SELECT count(*) FROM workload_report o
       WHERE o.org_id = s.org_id AND o.device_id = s.device_id AND o.application <> s.application) < 64
ORDER BY org_id, device_id, application
ON CONFLICT (org_id, device_id, application) DO UPDATE
SET version = excluded.version, services = excluded.services, hash = excluded.hash,
    bare_hash = excluded.bare_hash, observed_at = excluded.observed_at

-- name: logs @org
-- Newest first. received_at is unique within a device: the hub counts microseconds up. Lines of a
-- command, and those of level WARN and more, have indexes of their own: one branch of the three runs.
SELECT received_at, ts, level, source, command_id, line FROM ((
    SELECT * FROM tenant_log_line
    WHERE $8::text IS NULL AND coalesce($6::smallint, 0) < 2
      AND org_id = $1 AND device_id = $2
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3::timestamptz))
      AND received_at <= (SELECT coalesce($4::timestamptz, 'infinity'))
      AND received_at < (SELECT coalesce($5::timestamptz, 'infinity'))
      AND ($6::smallint IS NULL OR level >= $6)
      AND ($7::text IS NULL OR source = $7)
      AND ($10::text IS NULL OR line ILIKE $10)
    ORDER BY received_at DESC
    LIMIT $9
) UNION ALL (
    SELECT * FROM tenant_log_line
    WHERE $8 IS NULL AND $6 >= 2 AND level >= 2 AND level >= $6
      AND org_id = $1 AND device_id = $2
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3::timestamptz))
      AND received_at <= (SELECT coalesce($4::timestamptz, 'infinity'))
      AND received_at < (SELECT coalesce($5::timestamptz, 'infinity'))
      AND ($7::text IS NULL OR source = $7)
      AND ($10::text IS NULL OR line ILIKE $10)
    ORDER BY received_at DESC
    LIMIT $9
) UNION ALL (
    SELECT * FROM tenant_log_line
    WHERE command_id = $8
      AND org_id = $1 AND device_id = $2
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3::timestamptz))
      AND received_at <= (SELECT coalesce($4::timestamptz, 'infinity'))
      AND received_at < (SELECT coalesce($5::timestamptz, 'infinity'))
      AND ($6::smallint IS NULL OR level >= $6)
      AND ($7::text IS NULL OR source = $7)
      AND ($10::text IS NULL OR line ILIKE $10)
    ORDER BY received_at DESC
    LIMIT $9
)) line
ORDER BY received_at DESC
LIMIT $9

-- name: events @org
-- Newest first: production events, alerts and status changes of one device. What the hub itself says
-- of its presence is in the table of events as `status`, with an index of its own; $8: only that.
SELECT received_at, type, body FROM ((
    SELECT received_at, type, body FROM tenant_event
    WHERE NOT $8::boolean
      AND org_id = $1 AND device_id = $2
      AND ($6::text[] IS NULL OR type = ANY ($6))
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3::timestamptz))
      AND received_at <= (SELECT coalesce($4::timestamptz, 'infinity'))
      AND received_at < (SELECT coalesce($5::timestamptz, 'infinity'))
    ORDER BY received_at DESC
    LIMIT $7
) UNION ALL (
    SELECT received_at, type, body FROM tenant_event
    WHERE $8 AND type = 'status'
      AND org_id = $1 AND device_id = $2
      AND ($6 IS NULL OR type = ANY ($6))
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3::timestamptz))
      AND received_at <= (SELECT coalesce($4::timestamptz, 'infinity'))
      AND received_at < (SELECT coalesce($5::timestamptz, 'infinity'))
    ORDER BY received_at DESC
    LIMIT $7
) UNION ALL (
    SELECT received_at, 'status',
           jsonb_build_object('status', status, 'metrics', metrics, 'at', ts)
    FROM tenant_status_event
    WHERE NOT $8
      AND ($6 IS NULL OR 'status' = ANY ($6))
      AND org_id = $1 AND device_id = $2
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3::timestamptz))
      AND received_at <= (SELECT coalesce($4::timestamptz, 'infinity'))
      AND received_at < (SELECT coalesce($5::timestamptz, 'infinity'))
    ORDER BY received_at DESC
    LIMIT $7
)) both_kinds
ORDER BY received_at DESC
LIMIT $7

-- name: states @org
-- Newest first: when lines opened and closed, and status events that say something else than the event
-- before. Of what was before $3 only the last of both kinds, within a week. What is older than enough
-- changes is not read: the limit within has the planner take the rows in order.
WITH said AS NOT MATERIALIZED ((
    SELECT received_at, status, NULL::boolean AS connected, NULL::bigint AS generation
    FROM tenant_status_event
    WHERE org_id = $1 AND device_id = $2
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3)) AND received_at <= $4
    ORDER BY received_at DESC LIMIT $5::bigint * 1000000000
    ) UNION ALL (
    SELECT received_at, body ->> 'status', (body ->> 'connected')::boolean,
           (body ->> 'generation')::bigint
    FROM tenant_event
    WHERE org_id = $1 AND device_id = $2 AND type = 'status'
      AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3)) AND received_at <= $4
    ORDER BY received_at DESC LIMIT $5 * 1000000000
    ) UNION ALL (
        SELECT received_at, status, NULL, NULL FROM tenant_status_event
        WHERE org_id = $1 AND device_id = $2 AND received_at < $3
          AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3 - interval '7 days'))
        ORDER BY received_at DESC LIMIT 1
    ) UNION ALL (
        SELECT received_at, body ->> 'status', (body ->> 'connected')::boolean,
               (body ->> 'generation')::bigint
        FROM tenant_event
        WHERE org_id = $1 AND device_id = $2 AND type = 'status' AND received_at < $3
          AND received_at >= (SELECT greatest((SELECT born($1, $2)), $3 - interval '7 days'))
        ORDER BY received_at DESC LIMIT 1
    )
), compared AS (
    SELECT *, lead(status) OVER (ORDER BY received_at DESC) AS before FROM said
)
SELECT received_at, status, connected, generation FROM compared
WHERE connected IS NOT NULL OR status IS DISTINCT FROM before
ORDER BY received_at DESC
LIMIT $5

-- name: metrics_raw @org
-- One metric of some devices in steps, from raw status events. A device that is there and has none
-- answers one row without a bucket.
SELECT d.device_id, p.* FROM device d
LEFT JOIN LATERAL (
    SELECT date_bin($6, received_at, 'epoch') AS bucket, count(*) AS count,
           avg(value) AS avg, min(value) AS min, max(value) AS max
    FROM (
        SELECT received_at, (metrics ->> $3)::double precision AS value FROM tenant_status_event
        WHERE org_id = $1 AND device_id = d.device_id AND received_at < $5
          AND received_at >= greatest($4, d.reborn_at)
          AND metrics ? $3
    ) samples
    GROUP BY 1
) p ON true
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[]) AND d.deleted_at IS NULL
ORDER BY d.device_id, p.bucket

-- name: metrics_rolled @org
-- The same from the five-minute roll-ups, for what is older than the raw events.
SELECT d.device_id, p.* FROM device d
LEFT JOIN LATERAL (
    SELECT date_bin($6, bucket, 'epoch') AS bucket, sum(count)::bigint AS count,
           sum(sum) / sum(count) AS avg, min(min) AS min, max(max) AS max
    FROM metric_rollup
    WHERE org_id = $1 AND device_id = d.device_id AND name = $3 AND bucket < $5
      AND bucket >= greatest($4, d.reborn_at)
    GROUP BY 1
) p ON true
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[]) AND d.deleted_at IS NULL
ORDER BY d.device_id, p.bucket

-- name: metric_names @org
-- What a device measured within a day, or said last; what is not rolled up yet is in its events.
SELECT jsonb_object_keys(metrics) AS name FROM device_state WHERE org_id = $1 AND device_id = $2
UNION
SELECT jsonb_object_keys(metrics) FROM tenant_status_event
WHERE org_id = $1 AND device_id = $2 AND received_at >= greatest(
    (SELECT least(up_to, now()) FROM rollup_mark WHERE org_id = $1), now() - interval '1 day',
    born($1, $2))
UNION
SELECT name FROM metric_rollup
WHERE org_id = $1 AND device_id = $2 AND bucket >= greatest(now() - interval '1 day', born($1, $2))
ORDER BY name

-- name: log_sources @org
-- Where the newest log lines of a device came from.
SELECT DISTINCT source FROM (
    SELECT source FROM tenant_log_line
    WHERE org_id = $1 AND device_id = $2 AND received_at >= (SELECT born($1, $2))
    ORDER BY received_at DESC LIMIT 10000
) newest
WHERE source IS NOT NULL
ORDER BY source

-- name: lock_roll_up_marks
-- Batches with late events hold these: the roll-up, which is the next statement, sees them.
SELECT 1 FROM rollup_mark ORDER BY org_id FOR UPDATE

-- name: move_roll_up_marks
-- Up to a little while ago; from where, as it was before this statement, and to where. A mark in the
-- future is of a clock that was wrong: it goes back. A new organisation's begins when it was made.
INSERT INTO rollup_mark AS m (org_id, up_to)
SELECT org_id, now() - interval '1 minute' FROM org
ON CONFLICT (org_id) DO UPDATE
SET up_to = CASE WHEN m.up_to > now() THEN excluded.up_to
                 ELSE greatest(m.up_to, excluded.up_to) END
RETURNING org_id, up_to AS until, coalesce(
    (SELECT b.up_to FROM rollup_mark b WHERE b.org_id = m.org_id),
    (SELECT least(o.created_at, now()) - interval '1 minute' FROM org o WHERE o.org_id = m.org_id)
) AS since

-- name: roll_up
-- Status events received in the span of each organisation ($1, $2, $3) into five-minute sums. $4 and $5
-- are the ends of all the spans: bounds from a join would not keep the planner from reading everything.
INSERT INTO metric_rollup AS r (org_id, device_id, bucket, name, count, sum, min, max)
SELECT e.org_id, e.device_id, date_bin('5 minutes', e.received_at, 'epoch'), v.key,
       count(*), sum(v.value::double precision), min(v.value::double precision),
       max(v.value::double precision)
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS s (org_id, since, until)
JOIN status_event e ON e.org_id = s.org_id
     AND e.received_at >= s.since AND e.received_at < s.until
CROSS JOIN LATERAL jsonb_each_text(e.metrics) AS v
WHERE e.received_at >= $4 AND e.received_at < $5
GROUP BY 1, 2, 3, 4
ON CONFLICT (org_id, device_id, name, bucket) DO UPDATE
SET count = r.count + excluded.count, sum = r.sum + excluded.sum,
    min = least(r.min, excluded.min), max = greatest(r.max, excluded.max)

-- name: roll_up_late
-- Status events of this transaction that the roll-up has passed by: they waited for the database.
-- The lock makes it this transaction or the roll-up that counts them, never both.
WITH mark AS (
    SELECT org_id, up_to FROM rollup_mark ORDER BY org_id FOR SHARE
), late AS (
    SELECT s.* FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::jsonb[])
         AS s (org_id, device_id, received_at, metrics)
    JOIN mark m ON m.org_id = s.org_id AND s.received_at < m.up_to
)
INSERT INTO metric_rollup AS r (org_id, device_id, bucket, name, count, sum, min, max)
SELECT l.org_id, l.device_id, date_bin('5 minutes', l.received_at, 'epoch'), v.key,
       count(*), sum(v.value::double precision), min(v.value::double precision),
       max(v.value::double precision)
FROM late l CROSS JOIN LATERAL jsonb_each_text(l.metrics) AS v
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 4, 3
ON CONFLICT (org_id, device_id, name, bucket) DO UPDATE
SET count = r.count + excluded.count, sum = r.sum + excluded.sum,
    min = least(r.min, excluded.min), max = greatest(r.max, excluded.max)

-- name: forget_marks
-- Marks of agents that have started anew long ago; counted from the newest, in case the clock is wrong.
DELETE FROM event_mark
WHERE updated_at < least(now(), (SELECT max(updated_at) FROM event_mark)) - interval '90 days'
