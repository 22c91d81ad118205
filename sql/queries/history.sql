-- name: events @org
-- Newest first, of all devices ($5 null) or of these many: from $2 up to $3, behind the row ($6, $7). What
-- is older than the registration of its device is of a former one; few have one, and each is looked up in
-- memory.
SELECT received_at, device_id, type, body FROM ((
    SELECT received_at, device_id, type, body FROM tenant_event
    WHERE org_id = $1 AND received_at >= (SELECT $2::timestamptz)
      AND received_at <= (SELECT $3::timestamptz)
      AND (received_at, device_id) < ((SELECT coalesce($6::timestamptz, 'infinity')),
                                      (SELECT coalesce($7::text, '')))
      AND ($4::text[] IS NULL OR type = ANY ($4))
      AND ($5::text[] IS NULL OR coalesce(device_id IN (SELECT unnest($5)), false))
      AND received_at >= coalesce(((
          SELECT jsonb_object_agg(d.device_id, d.reborn_at) FROM device d
          WHERE d.org_id = $1 AND d.reborn_at > $2) ->> device_id)::timestamptz, '-infinity')
    ORDER BY received_at DESC, device_id DESC
    LIMIT $8
) UNION ALL (
    SELECT received_at, device_id, 'status',
           jsonb_build_object('status', status, 'metrics', metrics, 'at', ts)
    FROM tenant_status_event
    WHERE ($4 IS NULL OR 'status' = ANY ($4))
      AND org_id = $1 AND received_at >= (SELECT $2) AND received_at <= (SELECT $3)
      AND (received_at, device_id) < ((SELECT coalesce($6, 'infinity')), (SELECT coalesce($7, '')))
      AND ($5 IS NULL OR coalesce(device_id IN (SELECT unnest($5)), false))
      AND received_at >= coalesce(((
          SELECT jsonb_object_agg(d.device_id, d.reborn_at) FROM device d
          WHERE d.org_id = $1 AND d.reborn_at > $2) ->> device_id)::timestamptz, '-infinity')
    ORDER BY received_at DESC, device_id DESC
    LIMIT $8
)) both_tables
ORDER BY received_at DESC, device_id DESC
LIMIT $8

-- name: events_of @org
-- The same of a few devices ($5): each by its own index.
SELECT found.* FROM unnest($5::text[]) AS asked (device_id)
CROSS JOIN LATERAL ((
    SELECT received_at, e.device_id, type, body FROM tenant_event e
    WHERE e.org_id = $1 AND e.device_id = asked.device_id
      AND received_at >= (SELECT greatest(born($1, asked.device_id), $2::timestamptz))
      AND received_at <= (SELECT $3::timestamptz)
      AND (received_at, e.device_id) < ((SELECT coalesce($6::timestamptz, 'infinity')),
                                        (SELECT coalesce($7::text, '')))
      AND ($4::text[] IS NULL OR type = ANY ($4))
    ORDER BY received_at DESC
    LIMIT $8
) UNION ALL (
    SELECT received_at, e.device_id, 'status',
           jsonb_build_object('status', status, 'metrics', metrics, 'at', ts)
    FROM tenant_status_event e
    WHERE ($4 IS NULL OR 'status' = ANY ($4))
      AND e.org_id = $1 AND e.device_id = asked.device_id
      AND received_at >= (SELECT greatest(born($1, asked.device_id), $2))
      AND received_at <= (SELECT $3)
      AND (received_at, e.device_id) < ((SELECT coalesce($6, 'infinity')), (SELECT coalesce($7, '')))
    ORDER BY received_at DESC
    LIMIT $8
)) found
ORDER BY received_at DESC, device_id DESC
LIMIT $8

-- name: logs @org
-- Newest first, of all devices ($5 null) or of these many, as above: at least of level $4, from source $9,
-- with all words $10. Words are compared in ASCII without regard to case, which takes half the time;
-- first of all, for most lines lack them.
SELECT received_at, device_id, ts, level, source, command_id, line FROM tenant_log_line
WHERE org_id = $1 AND received_at >= (SELECT $2::timestamptz)
  AND received_at <= (SELECT $3::timestamptz)
  AND (received_at, device_id) < ((SELECT coalesce($6::timestamptz, 'infinity')),
                                  (SELECT coalesce($7::text, '')))
  AND ($4::smallint IS NULL OR level >= $4)
  AND ($9::text IS NULL OR source = $9)
  AND ($5::text[] IS NULL OR coalesce(device_id IN (SELECT unnest($5)), false))
  AND CASE WHEN $10::text[] IS NULL OR line COLLATE "C" ILIKE ALL ($10) THEN
      received_at >= coalesce(((
          SELECT jsonb_object_agg(d.device_id, d.reborn_at) FROM device d
          WHERE d.org_id = $1 AND d.reborn_at > $2) ->> device_id)::timestamptz, '-infinity')
      ELSE false END
ORDER BY received_at DESC, device_id DESC
LIMIT $8

-- name: logs_of @org
-- The same of a few devices ($5): each by its own index.
SELECT found.* FROM unnest($5::text[]) AS asked (device_id)
CROSS JOIN LATERAL (
    SELECT received_at, e.device_id, ts, level, source, command_id, line FROM tenant_log_line e
    WHERE e.org_id = $1 AND e.device_id = asked.device_id
      AND received_at >= (SELECT greatest(born($1, asked.device_id), $2::timestamptz))
      AND received_at <= (SELECT $3::timestamptz)
      AND (received_at, e.device_id) < ((SELECT coalesce($6::timestamptz, 'infinity')),
                                        (SELECT coalesce($7::text, '')))
      AND ($4::smallint IS NULL OR level >= $4)
      AND ($9::text IS NULL OR source = $9)
      AND ($10::text[] IS NULL OR line COLLATE "C" ILIKE ALL ($10))
    ORDER BY received_at DESC
    LIMIT $8
) found
ORDER BY received_at DESC, device_id DESC
LIMIT $8

-- name: meant @org
-- The devices of a query, whose conditions stand in for the comments.
SELECT coalesce(array_agg(d.device_id), '{}')
FROM (SELECT * FROM device WHERE org_id = $1 AND deleted_at IS NULL AND /*few*/ true) d
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
WHERE /*query*/ true
