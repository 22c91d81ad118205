-- name: change_alone @org
-- How many rules there are: nobody makes one meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('alert rules ' || $1, 0))

-- name: count @org
SELECT count(*) FROM alert_rule WHERE org_id = $1

-- name: named @org
-- The ids of these rules, by their names.
SELECT name, rule_id FROM alert_rule WHERE org_id = $1 AND name = ANY ($2::text[])

-- name: named_channels @org
-- The ids of these channels, by their names.
SELECT name, channel_id FROM notification_channel WHERE org_id = $1 AND name = ANY ($2::text[])

-- name: add @org
INSERT INTO alert_rule AS r (org_id, rule_id, name, query, words, condition, for_seconds,
                             clear_after_seconds, severity, labels, notify, inhibited_by, sharing,
                             owner_kind, owner_id, owner_key, owner_name, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
RETURNING *

-- name: get @org
-- With the names of what it names by ids.
SELECT r.*,
       ARRAY(SELECT o.name FROM alert_rule o WHERE o.org_id = r.org_id AND o.rule_id = ANY (r.inhibited_by)
             ORDER BY 1) AS inhibited_names,
       ARRAY(SELECT c.name FROM notification_channel c
             WHERE c.org_id = r.org_id AND c.channel_id = ANY (r.notify) ORDER BY 1) AS notify_names
FROM alert_rule r WHERE org_id = $1 AND rule_id = $2

-- name: lock @org
SELECT * FROM alert_rule WHERE org_id = $1 AND rule_id = $2 FOR UPDATE

-- name: list @org
-- Newest first, behind ($4, $5); of an owner ($2, $3) only, or of all.
SELECT r.*,
       ARRAY(SELECT o.name FROM alert_rule o WHERE o.org_id = r.org_id AND o.rule_id = ANY (r.inhibited_by)
             ORDER BY 1) AS inhibited_names,
       ARRAY(SELECT c.name FROM notification_channel c
             WHERE c.org_id = r.org_id AND c.channel_id = ANY (r.notify) ORDER BY 1) AS notify_names
FROM alert_rule r
WHERE org_id = $1 AND ($2::text IS NULL OR owner_id = $2 AND owner_key IS NOT DISTINCT FROM $3::text)
  AND (created_at, rule_id) < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT coalesce($5, '')))
ORDER BY created_at DESC, rule_id DESC LIMIT $6

-- name: put @org
-- Whoever changes it answers for it from now on.
UPDATE alert_rule
SET version = version + 1, name = $3, query = $4, words = $5, condition = $6, for_seconds = $7,
    clear_after_seconds = $8, severity = $9, labels = $10, notify = $11, inhibited_by = $12, sharing = $13,
    owner_kind = $14, owner_id = $15, owner_key = $16, owner_name = $17, reason = NULL, updated_at = now()
WHERE org_id = $1 AND rule_id = $2
RETURNING *

-- name: put_owner @org
UPDATE alert_rule
SET version = version + 1, owner_kind = 'user', owner_id = $3, owner_key = NULL, owner_name = $4,
    reason = NULL, updated_at = now()
WHERE org_id = $1 AND rule_id = $2
RETURNING *

-- name: member_name @org
-- The name of a member who is not blocked.
SELECT a.username FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.user_id = $2 AND NOT m.disabled

-- name: delete @org
DELETE FROM alert_rule WHERE org_id = $1 AND rule_id = $2 RETURNING name

-- name: note_change @org
-- Replicas that are at work read the rules of the organisation anew.
INSERT INTO revocation (org_id, kind, subject, lowest, highest) VALUES ($1, 'alert_rule', '*', 0, 0)

-- name: at_work
-- Those of an organisation or of all that raise alerts.
SELECT * FROM alert_rule WHERE reason IS NULL AND ($1::text IS NULL OR org_id = $1)

-- name: suspend
-- Its owner may not have it any more; answers its name.
WITH told AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest) VALUES ($1, 'alert_rule', '*', 0, 0)
)
UPDATE alert_rule SET reason = 'owner_lacks_right', updated_at = now()
WHERE org_id = $1 AND rule_id = $2 AND version = $3 AND reason IS NULL
RETURNING name

-- name: matching
-- Which of these devices ($2) a rule is about: those of its query, whose condition stands in for the comment,
-- and of the groups ($3) and devices ($4) that its owner sees, null where that is all. $5: only those of which
-- it may raise something.
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
WHERE d.org_id = $1 AND d.deleted_at IS NULL AND d.device_id = ANY ($2::text[])
  AND ($3::text[] IS NULL OR d.device_id = ANY ($4::text[]) OR EXISTS (
      SELECT FROM device_group_member m
      WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND m.group_id = ANY ($3)))
  AND (NOT $5::boolean OR NOT d.disabled AND d.quarantined_at IS NULL
       AND coalesce(s.status, '') <> 'DISABLED')
  AND (/*query*/ true)

-- name: candidates
-- All devices that a rule is about and may raise something of, as above: by the groups ($2) and devices ($3)
-- that its owner sees. $4: only those whose line ended by then. $5: only those whose last sign by then is noted
-- of what rule $6 waits for; $7: only those that are as old as this, and of which it has noted nothing.
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
WHERE d.org_id = $1 AND d.deleted_at IS NULL
  AND ($2::text[] IS NULL OR d.device_id = ANY ($3::text[]) OR EXISTS (
      SELECT FROM device_group_member m
      WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND m.group_id = ANY ($2)))
  AND NOT d.disabled AND d.quarantined_at IS NULL AND coalesce(s.status, '') <> 'DISABLED'
  AND ($4::timestamptz IS NULL OR NOT connected AND NOT heard
       AND coalesce(l.closed_at, r.ended_at, l.connected_at) <= $4)
  AND ($5::timestamptz IS NULL OR EXISTS (
          SELECT FROM alert_watch w
          WHERE w.org_id = d.org_id AND w.rule_id = $6::text AND w.device_id = d.device_id
            AND w.matched_at <= $5))
  AND ($7::timestamptz IS NULL OR d.created_at <= $7 AND NOT EXISTS (
          SELECT FROM alert_watch w
          WHERE w.org_id = d.org_id AND w.rule_id = $6 AND w.device_id = d.device_id))
  AND (/*query*/ true)

-- name: states
-- What is noted of these (rule, device), and whether there is an alert that is not resolved.
SELECT w.*, EXISTS (SELECT FROM alert a WHERE a.org_id = w.org_id AND a.rule_id = w.rule_id
                      AND a.device_id = w.device_id AND a.resolved_at IS NULL) AS is_open
FROM (SELECT * FROM json_to_recordset($1::json) AS g (org_id text, rule_id text, device_id text)
      LIMIT json_array_length($1::json)) g
JOIN alert_watch w USING (org_id, rule_id, device_id)

-- name: current
-- Of these rules those that are still of this version; nobody changes them until the commit.
SELECT r.org_id, r.rule_id
FROM json_to_recordset($1::json) AS g (org_id text, rule_id text, version bigint)
JOIN alert_rule r USING (org_id, rule_id, version)
WHERE r.reason IS NULL
ORDER BY 1, 2
FOR SHARE OF r

-- name: begin
-- Rows for these, where there are none; locked, those that there were too, in this order.
INSERT INTO alert_watch AS w (org_id, rule_id, device_id)
SELECT org_id, rule_id, device_id
FROM json_to_recordset($1::json) AS g (org_id text, rule_id text, device_id text)
ORDER BY 1, 2, 3
ON CONFLICT (org_id, rule_id, device_id) DO UPDATE SET matched_at = w.matched_at WHERE false

-- name: locked_states
-- What is noted of these, which are locked already: a statement that waited for a lock does not see what of
-- the alert became meanwhile.
SELECT w.*, now() AS now,
       EXISTS (SELECT FROM alert a WHERE a.org_id = w.org_id AND a.rule_id = w.rule_id
                 AND a.device_id = w.device_id AND a.resolved_at IS NULL) AS is_open
FROM (SELECT * FROM json_to_recordset($1::json) AS g (org_id text, rule_id text, device_id text)
      LIMIT json_array_length($1::json)) g
JOIN alert_watch w USING (org_id, rule_id, device_id)

-- name: wait_for
-- From now on a rule waits for these ($3); from its last change ($4) on, if that has only just been.
INSERT INTO alert_watch (org_id, rule_id, device_id, matched_at)
SELECT $1, $2, g.device_id,
       CASE WHEN now() - $4::timestamptz < interval '10 seconds' THEN $4 ELSE now() END
FROM unnest($3::text[]) AS g (device_id)
ORDER BY 3
ON CONFLICT DO NOTHING

-- name: put_states
UPDATE alert_watch w
SET hits = s.hits, held_since = s.held_since, cleared_at = s.cleared_at, matched_at = s.matched_at,
    value = s.value
FROM (SELECT * FROM json_to_recordset($1::json)
          AS s (org_id text, rule_id text, device_id text, hits timestamptz[], held_since timestamptz,
                cleared_at timestamptz, matched_at timestamptz, value float8)
      LIMIT json_array_length($1::json)) s
WHERE w.org_id = s.org_id AND w.rule_id = s.rule_id AND w.device_id = s.device_id

-- name: end_states
DELETE FROM alert_watch w
USING (SELECT * FROM json_to_recordset($1::json) AS g (org_id text, rule_id text, device_id text)
       LIMIT json_array_length($1::json)) g
WHERE w.org_id = g.org_id AND w.rule_id = g.rule_id AND w.device_id = g.device_id

-- name: open
-- New alerts of rules; nothing where there is one that is not resolved.
INSERT INTO alert (org_id, alert_id, rule_id, rule_version, device_id, code, severity, message, value, count)
SELECT org_id, alert_id, rule_id, version, device_id, code, severity, message, value, count
FROM json_to_recordset($1::json)
    AS g (org_id text, alert_id text, rule_id text, version bigint, device_id text, code text,
          severity text, message text, value float8, count bigint)
ORDER BY org_id, rule_id, device_id
ON CONFLICT DO NOTHING
RETURNING *, code AS rule_name

-- name: count_up
-- What fires counts so many more.
UPDATE alert a SET count = a.count + g.count, last_at = now(), value = coalesce(g.value, a.value)
FROM (SELECT * FROM json_to_recordset($1::json)
          AS g (org_id text, rule_id text, device_id text, count bigint, value float8)
      LIMIT json_array_length($1::json)) g
WHERE a.org_id = g.org_id AND a.rule_id = g.rule_id AND a.device_id = g.device_id AND a.resolved_at IS NULL

-- name: resolve
-- What fires of these is over.
UPDATE alert a SET resolved_at = now(), resolved_because = $2
FROM (SELECT * FROM json_to_recordset($1::json) AS g (org_id text, rule_id text, device_id text)
      LIMIT json_array_length($1::json)) g
WHERE a.org_id = g.org_id AND a.rule_id = g.rule_id AND a.device_id = g.device_id AND a.resolved_at IS NULL
RETURNING a.*, a.code AS rule_name

-- name: forget_watch @org
-- What a rule has noted counts no more.
DELETE FROM alert_watch WHERE org_id = $1 AND rule_id = $2

-- name: resolve_rule @org
-- All that fires of a rule is over: it is changed, or gone.
UPDATE alert SET resolved_at = now(), resolved_because = 'rule_changed'
WHERE org_id = $1 AND rule_id = $2 AND resolved_at IS NULL
RETURNING *, code AS rule_name

-- name: resolve_changed
-- The same, of what another transaction has raised by an older version, of so many at once.
WITH over AS (
    SELECT a.org_id, a.alert_id FROM alert a
    LEFT JOIN alert_rule r USING (org_id, rule_id)
    WHERE a.rule_id IS NOT NULL AND a.resolved_at IS NULL AND r.version IS DISTINCT FROM a.rule_version
    LIMIT $1 FOR UPDATE OF a SKIP LOCKED
)
UPDATE alert a SET resolved_at = now(), resolved_because = 'rule_changed'
FROM over o WHERE a.org_id = o.org_id AND a.alert_id = o.alert_id
RETURNING a.*, a.code AS rule_name

-- name: watched
-- The devices of which a rule has noted something, or has raised what is not resolved.
SELECT device_id FROM alert_watch WHERE org_id = $1 AND rule_id = $2
UNION
SELECT device_id FROM alert WHERE org_id = $1 AND rule_id = $2 AND resolved_at IS NULL

-- name: firing
-- The devices of which a rule has raised what is neither resolved nor about to be: by what differs, of which
-- there is little, so that no plan goes through one table for each row of the other.
SELECT device_id FROM alert WHERE org_id = $1 AND rule_id = $2 AND resolved_at IS NULL
EXCEPT ALL
SELECT device_id FROM alert_watch WHERE org_id = $1 AND rule_id = $2 AND cleared_at IS NOT NULL

-- name: present
-- Those of these devices ($2) that are on a line, or are heard.
SELECT d.device_id FROM device d
LEFT JOIN device_state s USING (org_id, device_id)
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN replica r USING (replica_id)
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[])
  AND (r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL
       OR coalesce(now() - s.heard_at BETWEEN interval '0' AND interval '90 seconds', false))

-- name: timed
-- What a rule has noted; which of it fires is asked apart, so that no plan goes through one table for each
-- row of the other.
SELECT *, false AS is_open, now() AS now FROM alert_watch WHERE org_id = $1 AND rule_id = $2

-- name: raised
-- The devices of which a rule has raised what is not resolved.
SELECT device_id FROM alert WHERE org_id = $1 AND rule_id = $2 AND resolved_at IS NULL

-- name: beat
-- Rules are looked at now. Answers when they were before, and whether some replica has lived since.
WITH former AS (
    SELECT max(swept_at) AS swept_at FROM rule_sweep
), noted AS (
    INSERT INTO rule_sweep (swept_at) VALUES (now())
    ON CONFLICT (one) DO UPDATE SET swept_at = now()
)
SELECT now() AS now, f.swept_at,
       EXISTS (SELECT FROM replica r
               WHERE r.ended_at IS NULL AND r.lease_until > now() AND r.started_at <= f.swept_at) AS lived
FROM former f

-- name: drained
-- When replicas said goodbye since then ($1).
SELECT ended_at FROM replica WHERE ended_at >= $1 AND hole_told_at = ended_at

-- name: add_away
INSERT INTO hub_away (since, until) VALUES ($1, $2)
ON CONFLICT (since) DO UPDATE SET until = greatest(hub_away.until, excluded.until)

-- name: away
SELECT since, until FROM hub_away ORDER BY since

-- name: forget_away
DELETE FROM hub_away WHERE until < now() - interval '8 days'

-- name: past_metrics @org
-- A metric ($5) of these devices ($2) since then ($3), by device and in order.
SELECT device_id, received_at, (metrics ->> $5::text)::float8 AS value FROM tenant_status_event
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND received_at >= $3 AND metrics ? $5
ORDER BY device_id, received_at LIMIT $4

-- name: past_events @org
-- Events of a type ($5) of these devices.
SELECT device_id, received_at, body FROM tenant_event
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND received_at >= $3 AND type = $5::text
ORDER BY device_id, received_at LIMIT $4

-- name: past_logs @org
-- What these devices logged.
SELECT device_id, received_at, level, source, line FROM tenant_log_line
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND received_at >= $3
ORDER BY device_id, received_at LIMIT $4

-- name: past_presence @org
-- When lines of these devices opened and closed.
SELECT device_id, received_at, (body ->> 'connected')::boolean AS connected FROM tenant_event
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND received_at >= $3 AND type = 'status'
ORDER BY device_id, received_at LIMIT $4
