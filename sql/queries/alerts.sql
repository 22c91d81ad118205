-- name: raise_own
-- Alerts that devices and the hub itself raise: a new one, or one more of what is not resolved.
INSERT INTO alert AS a (org_id, alert_id, device_id, code, subject, severity, message, count)
SELECT org_id, alert_id, device_id, code, subject, severity, message, count
FROM json_to_recordset($1::json)
    AS g (org_id text, alert_id text, device_id text, code text, subject text, severity text,
          message text, count bigint)
ORDER BY org_id, device_id, code, subject
ON CONFLICT (org_id, device_id, code, subject) WHERE rule_id IS NULL AND resolved_at IS NULL
DO UPDATE SET count = a.count + excluded.count, last_at = now(), severity = excluded.severity,
              message = excluded.message
RETURNING org_id, device_id, code, subject, alert_id

-- name: resolve_own
-- Those that are over, as whoever raised them says.
WITH over AS (
    SELECT a.org_id, a.alert_id
    FROM json_to_recordset($1::json)
        AS g (org_id text, device_id text, code text, subject text)
    JOIN alert a ON a.org_id = g.org_id AND a.device_id IS NOT DISTINCT FROM g.device_id
        AND a.code = g.code AND a.subject = g.subject AND a.rule_id IS NULL AND a.resolved_at IS NULL
    ORDER BY 1, a.device_id, a.code, a.subject
    FOR UPDATE OF a
)
UPDATE alert a SET resolved_at = now(), resolved_because = 'device'
FROM over o WHERE a.org_id = o.org_id AND a.alert_id = o.alert_id
RETURNING a.org_id, a.device_id, a.code, a.subject, a.alert_id

-- name: list @org
-- Newest first, behind ($10, $11); a filter that is null matches all. One branch runs: those of a device
-- ($6), of a rule ($4, its name, also of one that is deleted), those that are not resolved, or all. The limits within have the planner
-- take them in order. The condition of a query stands in for the comment.
SELECT a.*, r.name AS rule_name
FROM (
    SELECT * FROM ((
        SELECT * FROM alert
        WHERE $6::text IS NOT NULL AND org_id = $1 AND device_id = $6
          AND (first_at, alert_id) < (
              (SELECT coalesce($10::timestamptz, 'infinity')), (SELECT coalesce($11, '')))
        ORDER BY first_at DESC, alert_id DESC LIMIT $12::bigint * 1000000000
    ) UNION ALL (
        SELECT * FROM alert
        WHERE $6 IS NULL AND $4::text IS NOT NULL AND org_id = $1
          AND rule_id = (SELECT rule_id FROM alert_rule WHERE org_id = $1 AND name = $4)
          AND (first_at, alert_id) < ((SELECT coalesce($10, 'infinity')), (SELECT coalesce($11, '')))
        ORDER BY first_at DESC, alert_id DESC LIMIT $12 * 1000000000
    ) UNION ALL (
        SELECT * FROM alert
        WHERE $6 IS NULL AND $4 IS NOT NULL AND org_id = $1 AND rule_id IS NOT NULL AND code = $4
          AND NOT EXISTS (SELECT FROM alert_rule r WHERE r.org_id = alert.org_id AND r.rule_id = alert.rule_id)
          AND (first_at, alert_id) < ((SELECT coalesce($10, 'infinity')), (SELECT coalesce($11, '')))
        ORDER BY first_at DESC, alert_id DESC LIMIT $12 * 1000000000
    ) UNION ALL (
        SELECT * FROM alert
        WHERE $6 IS NULL AND $4 IS NULL AND $2::text = 'FIRING' AND org_id = $1 AND resolved_at IS NULL
          AND (first_at, alert_id) < ((SELECT coalesce($10, 'infinity')), (SELECT coalesce($11, '')))
        ORDER BY first_at DESC, alert_id DESC LIMIT $12 * 1000000000
    ) UNION ALL (
        SELECT * FROM alert
        WHERE $6 IS NULL AND $4 IS NULL AND $2 IS DISTINCT FROM 'FIRING' AND org_id = $1
          AND (first_at, alert_id) < ((SELECT coalesce($10, 'infinity')), (SELECT coalesce($11, '')))
        ORDER BY first_at DESC, alert_id DESC LIMIT $12 * 1000000000
    )) found
    WHERE ($2 IS NULL OR (resolved_at IS NULL) = ($2 = 'FIRING'))
      AND ($3::text[] IS NULL OR severity = ANY ($3))
      AND ($4 IS NULL OR rule_id = (SELECT rule_id FROM alert_rule WHERE org_id = $1 AND name = $4)
           OR rule_id IS NOT NULL AND code = $4
              AND NOT EXISTS (SELECT FROM alert_rule r
                              WHERE r.org_id = found.org_id AND r.rule_id = found.rule_id))
      AND ($5::text IS NULL OR code = $5)
      AND ($7::boolean IS NULL OR (acknowledged_at IS NOT NULL) = $7)
      AND first_at >= (SELECT coalesce($8::timestamptz, '-infinity'))
      AND first_at <= (SELECT coalesce($9::timestamptz, 'infinity'))
      AND (/*query*/ true)
    ORDER BY first_at DESC, alert_id DESC LIMIT $12
) a
LEFT JOIN alert_rule r USING (org_id, rule_id)
ORDER BY first_at DESC, alert_id DESC

-- name: devices @org
-- Those that a query means, whose condition stands in for the comment: within other statements.
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
WHERE d.org_id = $1 AND (/*query*/ true)

-- name: get @org
SELECT a.*, r.name AS rule_name FROM alert a LEFT JOIN alert_rule r USING (org_id, rule_id)
WHERE a.org_id = $1 AND a.alert_id = $2

-- name: lock_watches @org
-- What rules have noted of these: before the alerts themselves, as where events are stored.
SELECT FROM alert_watch w JOIN alert a USING (org_id, rule_id, device_id)
WHERE a.org_id = $1 AND a.alert_id = ANY ($2::text[])
ORDER BY w.org_id, w.rule_id, w.device_id
FOR UPDATE OF w

-- name: lock @org
-- In order, so that two who change many cannot deadlock.
SELECT a.*, r.name AS rule_name FROM alert a LEFT JOIN alert_rule r USING (org_id, rule_id)
WHERE a.org_id = $1 AND a.alert_id = ANY ($2::text[])
ORDER BY a.alert_id
FOR NO KEY UPDATE OF a

-- name: unresolved @org
-- The ids of the oldest that are not resolved; the condition of a query stands in for the comment.
SELECT alert_id FROM alert
WHERE org_id = $1 AND resolved_at IS NULL AND (/*query*/ true)
ORDER BY first_at, alert_id LIMIT $2

-- name: acknowledge @org
UPDATE alert SET acknowledged_at = now(), acknowledged_by = $3, comment = coalesce($4, comment)
WHERE org_id = $1 AND alert_id = ANY ($2::text[])

-- name: resolve @org
-- By hand; a comment stays where none is given. What its rule has noted counts no more.
WITH forgotten AS (
    DELETE FROM alert_watch w USING alert a
    WHERE a.org_id = $1 AND a.alert_id = ANY ($2::text[])
      AND w.org_id = a.org_id AND w.rule_id = a.rule_id AND w.device_id = a.device_id
)
UPDATE alert SET resolved_at = now(), resolved_because = 'manual', comment = coalesce($3, comment)
WHERE org_id = $1 AND alert_id = ANY ($2::text[])

-- name: time_out
-- So many of those of no rule of which nothing came for as long as their organisation says, or a day.
WITH over AS (
    SELECT a.org_id, a.alert_id FROM alert a
    LEFT JOIN setting s ON s.org_id = a.org_id AND s.name = 'auto_resolve_seconds'
    WHERE a.rule_id IS NULL AND a.resolved_at IS NULL
      AND a.last_at < now() - make_interval(secs => coalesce(s.value::float8, 86400))
    LIMIT $1 FOR UPDATE OF a SKIP LOCKED
)
UPDATE alert a SET resolved_at = now(), resolved_because = 'timeout'
FROM over o WHERE a.org_id = o.org_id AND a.alert_id = o.alert_id
RETURNING a.*, NULL AS rule_name

-- name: of_deleted_devices
-- So many of those of no rule whose device is deleted; rules see themselves that theirs has left.
WITH over AS (
    SELECT a.org_id, a.alert_id FROM device d
    JOIN alert a USING (org_id, device_id)
    WHERE (d.disabled OR d.deleted_at IS NOT NULL) AND d.deleted_at IS NOT NULL AND a.resolved_at IS NULL
      AND a.rule_id IS NULL
    LIMIT $1 FOR UPDATE OF a SKIP LOCKED
)
UPDATE alert a SET resolved_at = now(), resolved_because = 'device_deleted'
FROM over o WHERE a.org_id = o.org_id AND a.alert_id = o.alert_id
RETURNING a.*, (SELECT name FROM alert_rule r WHERE r.org_id = a.org_id AND r.rule_id = a.rule_id) AS rule_name

-- name: forget
-- Those that were resolved so many days ago ($1), counted from the newest, in case the clock is wrong.
DELETE FROM alert
WHERE resolved_at < least(now(), (SELECT max(resolved_at) FROM alert)) - make_interval(days => $1)
