-- name: lock_new @org
-- Who begins one waits for whoever else does: how many there are, and which devices are busy, is looked up first.
SELECT pg_advisory_xact_lock(hashtextextended('campaigns ' || $1, 0))

-- name: open @org
-- How many are not over.
SELECT count(*) FROM campaign WHERE org_id = $1 AND closed_at IS NULL

-- name: busy @org
-- Which of these devices another campaign still brings software of this type ($3); $2 does not count.
SELECT DISTINCT t.device_id
FROM campaign c JOIN campaign_device t USING (org_id, campaign_id)
WHERE c.org_id = $1 AND c.campaign_id <> $2 AND c.closed_at IS NULL
  AND c.command ->> 'type' = 'update_firmware' AND coalesce(c.command ->> 'installer', 'agent') = $3
  AND t.status IN ('PENDING', 'IN_PROGRESS') AND t.device_id = ANY ($4)

-- name: add @org
-- One whose time has not come waits for it.
INSERT INTO campaign (org_id, campaign_id, kind, subject, name, command, terms, target, created_by, owner_kind,
                      owner_id, owner_key, owner_name, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, CASE WHEN $14 THEN 'SCHEDULED' ELSE 'PENDING' END)

-- name: add_devices @org
-- Further targets of it, in their row; who has an error ($5) is skipped from the start. $6: whether the time
-- zones of the devices count.
INSERT INTO campaign_device (org_id, campaign_id, position, device_id, wave, status, error,
                             finished_at, zone)
SELECT $1, $2, t.position + (SELECT coalesce(max(position), 0) FROM campaign_device
                             WHERE org_id = $1 AND campaign_id = $2), t.device_id, t.wave,
       CASE WHEN t.error IS NULL THEN 'PENDING' ELSE 'SKIPPED' END, t.error,
       CASE WHEN t.error IS NOT NULL THEN now() END, coalesce(d.timezone, timezone_of($1, d.device_id), 'UTC')
FROM unnest($3::text[], $4::integer[], $5::jsonb[]) WITH ORDINALITY AS t (device_id, wave, error, position)
LEFT JOIN device d ON $6 AND d.org_id = $1 AND d.device_id = t.device_id

-- name: get @org
SELECT * FROM campaign WHERE org_id = $1 AND campaign_id = $2

-- name: list @org
-- Newest first: of this kind ($6, null: any) and subject ($7, null: any); without what ended before $5.
SELECT * FROM campaign
WHERE org_id = $1 AND ($5::timestamptz IS NULL OR finished_at IS NULL OR finished_at >= $5)
  AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR subject = $7)
  AND (created_at, campaign_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, campaign_id DESC
LIMIT $4

-- name: counts @org
-- Of these campaigns, how many targets stand how.
SELECT c.campaign_id,
       count(*) FILTER (WHERE d.status = 'PENDING') AS pending,
       count(*) FILTER (WHERE d.status = 'IN_PROGRESS') AS in_progress,
       count(*) FILTER (WHERE d.status = 'SUCCESS') AS success,
       count(*) FILTER (WHERE d.status = 'FAILED') AS failed,
       count(*) FILTER (WHERE d.status = 'SKIPPED') AS skipped,
       count(*) FILTER (WHERE d.status = 'SUCCESS' AND d.finished_at < c.opened_at) AS past_success,
       count(*) FILTER (WHERE d.status = 'FAILED' AND d.finished_at < c.opened_at) AS past_failed,
       count(*) FILTER (WHERE d.status IN ('PENDING', 'IN_PROGRESS') AND d.wave <= c.wave)
           AS unfinished,
       count(*) FILTER (WHERE d.status = 'SUCCESS' AND d.wave = c.wave) AS wave_success,
       count(*) FILTER (WHERE d.status = 'FAILED' AND d.wave = c.wave) AS wave_failed
FROM unnest($2::text[]) AS wanted (campaign_id)
JOIN campaign c ON c.org_id = $1 AND c.campaign_id = wanted.campaign_id
JOIN campaign_device d ON d.org_id = c.org_id AND d.campaign_id = c.campaign_id
GROUP BY c.campaign_id

-- name: devices @org
-- The targets of a campaign in their row; of these statuses ($5, null: any).
SELECT * FROM campaign_device
WHERE org_id = $1 AND campaign_id = $2 AND position > (SELECT coalesce($3::bigint, -1))
  AND ($5::text[] IS NULL OR status = ANY ($5))
ORDER BY position
LIMIT $4

-- name: of_device @org
-- The releases that one device was or is brought, newest first; there are few campaigns. Without what ended
-- before $4.
SELECT t.*, c.terms ->> 'version' AS wanted, c.status AS campaign_status, c.wave AS campaign_wave,
       c.created_at AS campaign_created_at
FROM campaign c
JOIN campaign_device t USING (org_id, campaign_id)
WHERE c.org_id = $1 AND t.device_id = $2 AND c.kind = 'release'
  AND ($4::timestamptz IS NULL OR c.finished_at IS NULL OR c.finished_at >= $4)
ORDER BY c.created_at DESC, c.campaign_id DESC
LIMIT $3

-- name: unfinished_of @org
-- Whether anything is under way about a subject, or waits for an approval.
SELECT EXISTS (SELECT 1 FROM campaign
               WHERE org_id = $1 AND subject = $2 AND closed_at IS NULL)
    OR EXISTS (SELECT 1 FROM approval
               WHERE org_id = $1 AND kind = 'campaign' AND done_at IS NULL AND call -> 'new' ->> 'subject' = $2)

-- name: lock @org
-- A campaign for whoever wants something of it.
SELECT * FROM campaign WHERE org_id = $1 AND campaign_id = $2 FOR UPDATE

-- name: lock_driven
-- The campaign and the database's time, unless it is closed.
SELECT *, now() AS now FROM campaign
WHERE org_id = $1 AND campaign_id = $2 AND closed_at IS NULL
FOR UPDATE

-- name: under_way
-- The targets that have begun, and what is known of their devices; of an application ($3), where that is what
-- the campaign brings.
SELECT t.*, d.version AS seen_version, s.status AS seen_health,
       l.generation AS seen_generation, l.boot_id AS seen_boot_id,
       l.agent_version AS seen_agent_version, l.software AS seen_software,
       extract(epoch FROM now() - l.connected_at)::float8 AS seen_line_seconds,
       r.replica_id IS NOT NULL AND l.closed_at IS NULL AND r.ended_at IS NULL AS seen_online,
       NULL::jsonb AS seen_pins,
       a.revision AS seen_revision, a.wanted AS seen_wanted, a.filled AS seen_filled, a.fills AS seen_fills,
       a.pinned AS seen_pinned, a.stopped AS seen_stopped, a.said AS seen_said, a.current AS seen_current,
       CASE WHEN l.software ? 'sections' THEN l.software -> 'sections' ? 'workloads'
            WHEN l.boot_id IS NOT NULL THEN false END AS seen_engine,
       c.status AS seen_command, c.error AS seen_command_error, c.redeliver AS seen_redeliver,
       c.cancelled_by IS NOT NULL AS seen_cancelled,
       d.device_id IS NULL OR d.deleted_at IS NOT NULL AS seen_deleted,
       coalesce(d.disabled, false) AS seen_disabled,
       d.quarantined_at IS NOT NULL AS seen_quarantined
FROM campaign_device t
LEFT JOIN device d USING (org_id, device_id)
LEFT JOIN device_state s USING (org_id, device_id)
LEFT JOIN device_line l USING (org_id, device_id)
LEFT JOIN replica r USING (replica_id)
LEFT JOIN LATERAL (
    SELECT x.revision, x.wanted, x.filled, x.pinned, w.services AS said, w.version = d.version AS current,
           ARRAY(SELECT o.service FROM device_stop o WHERE o.org_id = x.org_id AND o.device_id = x.device_id
                 AND o.application = x.application) AS stopped,
           (SELECT jsonb_object_agg(f.name, f.value)
            FROM (SELECT b.key AS name, b.value FROM device_label b
                  WHERE b.org_id = x.org_id AND b.device_id = x.device_id AND x.filled ? b.key
                    AND NOT EXISTS (SELECT 1 FROM device_variable v WHERE v.org_id = b.org_id
                                    AND v.device_id = b.device_id AND v.name = b.key)
                  UNION ALL
                  SELECT v.name, v.value FROM device_variable v
                  WHERE v.org_id = x.org_id AND v.device_id = x.device_id) f) AS fills
    FROM device_application x
    JOIN device_workloads d USING (org_id, device_id)
    LEFT JOIN workload_report w USING (org_id, device_id, application)
    WHERE x.org_id = t.org_id AND x.device_id = t.device_id AND x.application = $3::text
) a ON true
LEFT JOIN command c ON c.org_id = t.org_id AND c.command_id = t.command_id
WHERE t.org_id = $1 AND t.campaign_id = $2 AND t.status = 'IN_PROGRESS'
ORDER BY t.position

-- name: candidates
-- The next targets whose turn may have come: of the waves that have begun, in these time zones ($6), on a line.
SELECT t.*, d.version AS seen_version, s.status AS seen_health,
       l.generation AS seen_generation, l.boot_id AS seen_boot_id,
       l.agent_version AS seen_agent_version, l.software AS seen_software,
       extract(epoch FROM now() - l.connected_at)::float8 AS seen_line_seconds,
       p.document -> 'pins' AS seen_pins,
       a.revision AS seen_revision, a.wanted AS seen_wanted, a.filled AS seen_filled, a.fills AS seen_fills,
       a.pinned AS seen_pinned, a.stopped AS seen_stopped, a.said AS seen_said, a.current AS seen_current,
       CASE WHEN l.software ? 'sections' THEN l.software -> 'sections' ? 'workloads'
            WHEN l.boot_id IS NOT NULL THEN false END AS seen_engine,
       true AS seen_online, NULL AS seen_command, NULL::jsonb AS seen_command_error, false AS seen_redeliver,
       false AS seen_cancelled, false AS seen_deleted, false AS seen_disabled,
       d.quarantined_at IS NOT NULL AS seen_quarantined
FROM (
    SELECT * FROM campaign_device
    WHERE org_id = $1 AND campaign_id = $2 AND status = 'PENDING' AND wave <= $3 AND zone = ANY ($6::text[])
      AND (attempt = 0 OR since < now() - make_interval(secs => CASE failures WHEN 0 THEN 2
                                                        ELSE least(300, 10 * 2 ^ (failures - 1)) END))
    ORDER BY position LIMIT $4::bigint * 1000000000
) t
JOIN device d USING (org_id, device_id)
JOIN device_line l USING (org_id, device_id)
JOIN replica r USING (replica_id)
LEFT JOIN device_state s USING (org_id, device_id)
LEFT JOIN device_section p ON p.org_id = t.org_id AND p.device_id = t.device_id AND p.kind = 'software'
LEFT JOIN LATERAL (
    SELECT x.revision, x.wanted, x.filled, x.pinned, w.services AS said, w.version = d.version AS current,
           ARRAY(SELECT o.service FROM device_stop o WHERE o.org_id = x.org_id AND o.device_id = x.device_id
                 AND o.application = x.application) AS stopped,
           (SELECT jsonb_object_agg(f.name, f.value)
            FROM (SELECT b.key AS name, b.value FROM device_label b
                  WHERE b.org_id = x.org_id AND b.device_id = x.device_id AND x.filled ? b.key
                    AND NOT EXISTS (SELECT 1 FROM device_variable v WHERE v.org_id = b.org_id
                                    AND v.device_id = b.device_id AND v.name = b.key)
                  UNION ALL
                  SELECT v.name, v.value FROM device_variable v
                  WHERE v.org_id = x.org_id AND v.device_id = x.device_id) f) AS fills
    FROM device_application x
    JOIN device_workloads d USING (org_id, device_id)
    LEFT JOIN workload_report w USING (org_id, device_id, application)
    WHERE x.org_id = t.org_id AND x.device_id = t.device_id AND x.application = $5::text
) a ON true
WHERE l.closed_at IS NULL AND r.ended_at IS NULL
ORDER BY t.position
LIMIT $4

-- name: block_pending
-- Whoever waits and has been deleted ($3 says why), disabled ($4) or put into quarantine ($8), or says that
-- it does not install software of this type ($6, null for what is none), is skipped at once ($5); so is
-- whoever updates itself ($7, null: that does not matter).
UPDATE campaign_device t
SET status = 'SKIPPED',
    error = CASE WHEN d.deleted_at IS NOT NULL THEN $3::jsonb
                 WHEN d.disabled THEN $4::jsonb
                 WHEN d.quarantined_at IS NOT NULL THEN $8::jsonb
                 WHEN NOT (l.software -> 'installers') ? $6::text THEN $5::jsonb ELSE $7::jsonb END,
    finished_at = now()
FROM device d LEFT JOIN device_line l USING (org_id, device_id)
WHERE t.org_id = $1 AND t.campaign_id = $2 AND t.status = 'PENDING'
  AND d.org_id = t.org_id AND d.device_id = t.device_id
  AND (d.disabled OR d.deleted_at IS NOT NULL OR d.quarantined_at IS NOT NULL
       OR NOT (l.software -> 'installers') ? $6::text
       OR ($6::text IS NOT NULL AND $7::jsonb IS NOT NULL AND l.software ->> 'updateSource' <> 'hub'))
RETURNING t.*

-- name: strangers
-- Those of these devices that are not in a campaign, in their order.
SELECT t.device_id FROM unnest($3::text[]) WITH ORDINALITY AS t (device_id, place)
WHERE NOT EXISTS (SELECT 1 FROM campaign_device x
                  WHERE x.org_id = $1 AND x.campaign_id = $2 AND x.device_id = t.device_id)
ORDER BY t.place

-- name: follow
-- Who waits for a first turn and is none of these devices ($3) any more is skipped ($4 says why), and who was skipped for that and is
-- one again waits, in the last wave ($5).
UPDATE campaign_device t
SET status = CASE t.status WHEN 'PENDING' THEN 'SKIPPED' ELSE 'PENDING' END,
    error = CASE t.status WHEN 'PENDING' THEN $4::jsonb END,
    wave = CASE t.status WHEN 'PENDING' THEN t.wave ELSE $5 END,
    finished_at = CASE t.status WHEN 'PENDING' THEN now() END
WHERE t.org_id = $1 AND t.campaign_id = $2
  AND CASE WHEN t.status = 'PENDING' THEN t.attempt = 0 AND t.device_id <> ALL ($3::text[])
           ELSE t.status = 'SKIPPED' AND t.error ->> 'code' = 'no_longer_matches' AND t.device_id = ANY ($3) END
RETURNING t.*

-- name: followed
UPDATE campaign SET followed_at = now() WHERE org_id = $1 AND campaign_id = $2

-- name: failures @org
-- What these devices ($2, null: any) failed within eight days, and since they were cleared: without
-- the faults of a release ($3), and without artifacts that failed on so many devices ($4).
WITH failed AS (
    SELECT * FROM campaign_device
    WHERE org_id = $1 AND status = 'FAILED' AND $2::text[] IS NULL
      AND finished_at > now() - interval '8 days'
    UNION ALL
    SELECT * FROM campaign_device
    WHERE org_id = $1 AND status = 'FAILED' AND device_id = ANY ($2)
      AND finished_at > now() - interval '8 days'
), counting AS MATERIALIZED (
    SELECT t.device_id, c.command ->> 'sha256' AS digest, t.finished_at
    FROM failed t
    JOIN campaign c USING (org_id, campaign_id)
    JOIN device d USING (org_id, device_id)
    LEFT JOIN penalty_cleared p USING (org_id, device_id)
    WHERE d.deleted_at IS NULL AND t.finished_at > d.created_at
      AND t.finished_at > coalesce(p.cleared_at, '-infinity')
      AND c.command ->> 'sha256' IS NOT NULL
      AND t.error ->> 'code' <> ALL ($3::text[])
), spread AS (
    SELECT c.command ->> 'sha256' AS digest
    FROM campaign c JOIN campaign_device t USING (org_id, campaign_id)
    WHERE c.org_id = $1 AND t.status = 'FAILED'
      AND c.command ->> 'sha256' IN (SELECT digest FROM counting)
    GROUP BY 1 HAVING count(DISTINCT t.device_id) >= $4
)
SELECT device_id, digest, finished_at FROM counting
WHERE digest NOT IN (SELECT digest FROM spread)

-- name: now @org
SELECT now()

-- name: clear_penalty @org
-- What a device failed until now holds it back no longer; nothing for a device that is not there.
INSERT INTO penalty_cleared (org_id, device_id)
SELECT org_id, device_id FROM device
WHERE org_id = $1 AND device_id = $2 AND deleted_at IS NULL
ON CONFLICT (org_id, device_id) DO UPDATE SET cleared_at = now()
RETURNING device_id

-- name: started_lately
-- How many began within the last minute.
SELECT count(*) FROM campaign_device
WHERE org_id = $1 AND campaign_id = $2 AND started_at > now() - interval '1 minute'
  AND started_at <= now()

-- name: write_devices
-- Targets as a look left them, each only if it is still as it was seen ($3 to $5).
UPDATE campaign_device t
SET status = n.status, phase = n.phase, attempt = n.attempt, command_id = n.command_id,
    from_version = n.from_version, from_boot_id = n.from_boot_id,
    from_generation = n.from_generation, error = n.error, since = n.since,
    started_at = n.started_at, steady_since = n.steady_since,
    steady_generation = n.steady_generation, finished_at = n.finished_at,
    losses = n.losses, failures = n.failures, from_health = n.from_health, recalled = n.recalled
FROM unnest($3::text[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::text[],
            $9::integer[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::jsonb[],
            $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::bigint[],
            $19::timestamptz[], $20::smallint[], $21::smallint[], $22::text[],
            $23::boolean[])
     AS n (was_status, was_phase, was_attempt, position, status, phase, attempt, command_id,
           from_version, from_boot_id, from_generation, error, since, started_at, steady_since,
           steady_generation, finished_at, losses, failures, from_health, recalled)
WHERE t.org_id = $1 AND t.campaign_id = $2 AND t.position = n.position
  AND t.status = n.was_status AND t.phase = n.was_phase AND t.attempt = n.was_attempt
RETURNING t.position

-- name: waiting_zones
-- The time zones of those whose turn may come now.
SELECT DISTINCT zone FROM campaign_device
WHERE org_id = $1 AND campaign_id = $2 AND status = 'PENDING' AND wave <= $3

-- name: skip_pending @org
-- Nothing further is sent: whoever waits is skipped, of the waves up to $3; $5 only who is away; $6 only of these
-- time zones, null: of all. Who waits to be sent once more what failed, or what nothing is known of, has failed.
UPDATE campaign_device t
SET status = CASE WHEN t.failures > 0 OR t.error ->> 'code' = 'unknown' THEN 'FAILED' ELSE 'SKIPPED' END,
    error = CASE WHEN t.failures > 0 OR t.error ->> 'code' = 'unknown' THEN t.error ELSE $4 END, finished_at = now()
WHERE t.org_id = $1 AND t.campaign_id = $2 AND t.status = 'PENDING' AND t.wave <= $3
  AND ($6::text[] IS NULL OR t.zone = ANY ($6))
  AND NOT ($5 AND EXISTS (
        SELECT 1 FROM device_line l JOIN replica r USING (replica_id)
        WHERE l.org_id = t.org_id AND l.device_id = t.device_id AND l.closed_at IS NULL
          AND r.ended_at IS NULL))
RETURNING t.*

-- name: refuse
-- A target whose command was not taken, if it still waits for it: FAILED or SKIPPED ($6).
UPDATE campaign_device SET status = $6, error = $4, finished_at = now()
WHERE org_id = $1 AND campaign_id = $2 AND position = $3
  AND status = 'IN_PROGRESS' AND phase = 'downloading' AND attempt = $5

-- name: move @org
-- Another status or wave, if it still has the one that was seen ($3, $4).
UPDATE campaign SET status = $5, wave = $6, stopped_because = CASE WHEN $5 <> 'IN_PROGRESS' THEN coalesce($7, stopped_because) END,
    wave_since = CASE WHEN wave <> $6 OR (status <> $5 AND $5 = 'IN_PROGRESS')
                      THEN now() ELSE wave_since END,
    finished_at = CASE WHEN $5 IN ('SUCCESS', 'FAILED', 'ABORTED')
                       THEN coalesce(finished_at, now()) END
WHERE org_id = $1 AND campaign_id = $2 AND status = $3 AND wave = $4
RETURNING *

-- name: member_name @org
-- The name of a member who is not blocked.
SELECT a.username FROM member m JOIN account a USING (user_id)
WHERE m.org_id = $1 AND m.user_id = $2 AND NOT m.disabled

-- name: own @org
-- Somebody answers for it from now on.
UPDATE campaign SET owner_kind = $3, owner_id = $4, owner_key = $5, owner_name = $6
WHERE org_id = $1 AND campaign_id = $2

-- name: reopen @org
-- Once more, for some of the devices that failed ($3, null: all of them).
WITH opened AS (
    UPDATE campaign_device
    SET status = 'PENDING', phase = 'waiting', error = NULL, finished_at = NULL, since = now(), losses = 0,
        failures = 0, steady_since = NULL
    WHERE org_id = $1 AND campaign_id = $2 AND status = 'FAILED' AND ($3::text[] IS NULL OR device_id = ANY ($3))
    RETURNING 1
)
UPDATE campaign
SET status = 'PENDING', attempt = attempt + 1, opened_at = now(), finished_at = NULL, closed_at = NULL, stopped_because = NULL
WHERE org_id = $1 AND campaign_id = $2 AND EXISTS (SELECT 1 FROM opened)
RETURNING *

-- name: close
-- It has ended, and nothing is under way any more.
UPDATE campaign SET closed_at = now()
WHERE org_id = $1 AND campaign_id = $2 AND finished_at IS NOT NULL AND closed_at IS NULL

-- name: forget
-- Campaigns past their retention, counted from the newest in case the clock is wrong.
DELETE FROM campaign
WHERE closed_at < least(now(), (SELECT max(closed_at) FROM campaign)) - make_interval(days => $1)
