-- name: change_alone @org
-- How many channels and silences there are: nobody makes one meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('notification channels ' || $1, 0))

-- name: count @org
SELECT count(*) FROM notification_channel WHERE org_id = $1

-- name: is_taken @org
-- Whether another channel than $3 has this name.
SELECT EXISTS (SELECT FROM notification_channel WHERE org_id = $1 AND name = $2 AND channel_id <> $3)

-- name: add @org
INSERT INTO notification_channel (org_id, channel_id, name, kind, url, recipients, header_names, sealed,
                                  group_seconds, repeat_minutes, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING *

-- name: get @org
SELECT * FROM notification_channel WHERE org_id = $1 AND channel_id = $2

-- name: lock @org
SELECT * FROM notification_channel WHERE org_id = $1 AND channel_id = $2 FOR UPDATE

-- name: list @org
-- Newest first, behind ($2, $3).
SELECT * FROM notification_channel
WHERE org_id = $1
  AND (created_at, channel_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, channel_id DESC LIMIT $4

-- name: put @org
UPDATE notification_channel
SET version = version + 1, name = $3, url = $4, recipients = $5, header_names = $6, sealed = $7,
    group_seconds = $8, repeat_minutes = $9, updated_at = now()
WHERE org_id = $1 AND channel_id = $2
RETURNING *

-- name: named_by @org
-- The name of a rule that names a channel.
SELECT name FROM alert_rule WHERE org_id = $1 AND $2::text = ANY (notify) ORDER BY 1 LIMIT 1

-- name: delete @org
DELETE FROM notification_channel WHERE org_id = $1 AND channel_id = $2

-- name: wake @org
-- Its job is due now.
UPDATE job SET next_run = now(), wait = '0' WHERE kind = 'notification' AND org_id = $1 AND key = $2

-- name: queue
-- Channels of their rules are to tell of these alerts.
INSERT INTO notification (org_id, channel_id, alert_id)
SELECT a.org_id, c.channel_id, a.alert_id
FROM json_to_recordset($1::json) AS g (org_id text, alert_id text)
JOIN alert a USING (org_id, alert_id)
JOIN alert_rule r USING (org_id, rule_id)
JOIN notification_channel c ON c.org_id = r.org_id AND c.channel_id = ANY (r.notify)
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING

-- name: queue_again
-- The same of what is critical, and not acknowledged since it was told so long ago.
INSERT INTO notification (org_id, channel_id, alert_id)
SELECT t.org_id, t.channel_id, t.alert_id
FROM notification_told t
JOIN notification_channel c USING (org_id, channel_id)
JOIN alert a USING (org_id, alert_id)
WHERE a.resolved_at IS NULL AND a.severity = 'CRITICAL' AND a.acknowledged_at IS NULL
  AND t.at <= now() - make_interval(mins => c.repeat_minutes)
ON CONFLICT DO NOTHING

-- name: forget_told
-- Of what does not fire any more.
DELETE FROM notification_told t USING alert a
WHERE a.org_id = t.org_id AND a.alert_id = t.alert_id AND a.resolved_at IS NOT NULL

-- name: wake_all
-- The jobs that sleep although something waits are due; answers which.
UPDATE job SET next_run = now(), wait = '0'
WHERE job_id IN (
    SELECT job_id FROM job j
    WHERE kind = 'notification' AND next_run IS NULL
      AND EXISTS (SELECT 1 FROM notification n WHERE n.org_id = j.org_id AND n.channel_id = j.key)
    FOR UPDATE SKIP LOCKED)
RETURNING job_id

-- name: one
-- To be sent by; and for how many seconds nothing has been sent.
SELECT *, extract(epoch FROM now() - sent_at)::float8 AS quiet FROM notification_channel
WHERE org_id = $1 AND channel_id = $2

-- name: waiting
-- What a channel is to tell of, in order; and whether a rule that fires holds it back, for the same device or
-- for one with the same value of a label.
WITH fires AS MATERIALIZED (
    SELECT DISTINCT h.rule_id, y.value
    FROM alert_rule h
    JOIN alert o ON o.org_id = h.org_id AND o.rule_id = ANY (h.inhibited_by) AND o.resolved_at IS NULL
    JOIN device_label y ON y.org_id = o.org_id AND y.device_id = o.device_id AND y.key = substr(h.sharing, 7)
    WHERE h.org_id = $1 AND h.sharing IS NOT NULL
)
SELECT n.number, n.held, extract(epoch FROM now() - n.at)::float8 AS age, a.*, r.name AS rule_name,
       coalesce(r.inhibited_by <> '{}', false) AND (
           EXISTS (
               SELECT FROM alert o
               WHERE o.org_id = a.org_id AND o.rule_id = ANY (r.inhibited_by) AND o.resolved_at IS NULL
                 AND o.device_id = a.device_id)
           OR EXISTS (
               SELECT FROM device_label x JOIN fires f USING (value)
               WHERE x.org_id = a.org_id AND x.device_id = a.device_id AND x.key = substr(r.sharing, 7)
                 AND f.rule_id = r.rule_id)) AS is_inhibited
FROM notification n
JOIN alert a USING (org_id, alert_id)
LEFT JOIN alert_rule r USING (org_id, rule_id)
WHERE n.org_id = $1 AND n.channel_id = $2
ORDER BY n.number LIMIT $3

-- name: hold
UPDATE notification SET held = true WHERE org_id = $1 AND channel_id = $2 AND number = ANY ($3::bigint[])

-- name: drop
DELETE FROM notification WHERE org_id = $1 AND channel_id = $2 AND number = ANY ($3::bigint[])

-- name: note_told
INSERT INTO notification_told (org_id, channel_id, alert_id)
SELECT $1, $2, alert_id FROM unnest($3::text[]) AS t (alert_id)
ORDER BY 3
ON CONFLICT (org_id, channel_id, alert_id) DO UPDATE SET at = now()

-- name: open
-- A message, and that the channel has sent now.
WITH sent AS (
    UPDATE notification_channel SET sent_at = now() WHERE org_id = $1 AND channel_id = $2 RETURNING org_id
)
INSERT INTO notification_message (org_id, channel_id, message_id, subject, body)
SELECT org_id, $2, $3, $4, $5 FROM sent

-- name: pending
SELECT *, extract(epoch FROM now() - created_at)::float8 AS age FROM notification_message
WHERE org_id = $1 AND channel_id = $2

-- name: taken
-- Also what is given up; from now on it has sent nothing.
WITH sent AS (UPDATE notification_channel SET sent_at = now() WHERE org_id = $1 AND channel_id = $2)
DELETE FROM notification_message WHERE org_id = $1 AND channel_id = $2 AND message_id = $3

-- name: refused
UPDATE notification_message SET attempts = attempts + 1
WHERE org_id = $1 AND channel_id = $2 AND message_id = $3
RETURNING attempts, extract(epoch FROM now() - created_at)::float8 AS age

-- name: count_silences @org
-- Of those that are not over.
SELECT count(*) FROM silence WHERE org_id = $1 AND until > now()

-- name: rule_named @org
SELECT rule_id FROM alert_rule WHERE org_id = $1 AND name = $2

-- name: add_silence @org
-- Nothing for one that would be over already, or last too long ($11 days).
INSERT INTO silence (org_id, silence_id, query, words, rule_id, until, comment, owner_kind, owner_id,
                     owner_key, created_by)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12
WHERE $6::timestamptz > now() AND $6 <= now() + make_interval(days => $11::integer)
RETURNING *

-- name: silence @org
SELECT s.*, r.name AS rule_name, s.until > now() AS is_active
FROM silence s LEFT JOIN alert_rule r USING (org_id, rule_id)
WHERE s.org_id = $1 AND s.silence_id = $2

-- name: silences @org
-- Newest first, behind ($4, $5); of an owner ($2, $3) only, or of all.
SELECT s.*, r.name AS rule_name, s.until > now() AS is_active
FROM silence s LEFT JOIN alert_rule r USING (org_id, rule_id)
WHERE s.org_id = $1
  AND ($2::text IS NULL OR s.owner_id = $2 AND s.owner_key IS NOT DISTINCT FROM $3::text)
  AND (s.created_at, s.silence_id) < ((SELECT coalesce($4::timestamptz, 'infinity')), (SELECT coalesce($5, '')))
ORDER BY s.created_at DESC, s.silence_id DESC LIMIT $6

-- name: delete_silence @org
DELETE FROM silence WHERE org_id = $1 AND silence_id = $2

-- name: active
-- Silences that are not over, of an organisation, null: of all.
SELECT s.*, r.name AS rule_name, true AS is_active
FROM silence s LEFT JOIN alert_rule r USING (org_id, rule_id)
WHERE s.until > now() AND ($1::text IS NULL OR s.org_id = $1)

-- name: silence_alerts
-- What fires of the devices of a silence's query, whose condition stands in for the comment, and of the
-- groups ($4) and devices ($5) that its owner sees, null where that is all; of a rule ($3), or of each.
UPDATE alert a SET silenced_by = $2
WHERE a.org_id = $1 AND a.resolved_at IS NULL AND a.silenced_by IS NULL
  AND ($3::text IS NULL OR a.rule_id = $3)
  AND a.device_id IN (
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
      WHERE d.org_id = $1
        AND ($4::text[] IS NULL OR d.device_id = ANY ($5::text[]) OR EXISTS (
            SELECT FROM device_group_member m
            WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND m.group_id = ANY ($4)))
        AND (/*query*/ true))

-- name: unsilence_alerts
-- What fires and whose silence is over.
UPDATE alert a SET silenced_by = NULL
WHERE a.silenced_by IS NOT NULL AND a.resolved_at IS NULL
  AND NOT EXISTS (SELECT FROM silence s
                  WHERE s.org_id = a.org_id AND s.silence_id = a.silenced_by AND s.until > now())

-- name: forget_silences
DELETE FROM silence WHERE until < now() - interval '90 days'
