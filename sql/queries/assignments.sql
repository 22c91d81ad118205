-- name: lock_devices @org
-- These devices, one after the other: what they shall run is changed by one transaction at a time. Those
-- that are not there are left out.
INSERT INTO device_workloads AS w (org_id, device_id)
SELECT org_id, device_id FROM device
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND deleted_at IS NULL
ORDER BY org_id, device_id
ON CONFLICT (org_id, device_id) DO UPDATE SET version = w.version
RETURNING device_id

-- name: standing @org
-- What counts for whether these devices ($2) may get a revision of an application ($3): what they have of
-- it, what they have beside it, whether they have an engine (null: that is not known), and what is filled
-- in, where a variable goes before a label.
SELECT w.device_id, a.revision, a.wanted, a.filled, a.errors, a.by_hand, a.pinned, a.orphaned, o.applications, o.services, o.data_bytes,
       CASE WHEN l.software ? 'sections' THEN l.software -> 'sections' ? 'workloads'
            WHEN l.boot_id IS NOT NULL THEN false END AS has_engine,
       (SELECT coalesce(jsonb_object_agg(f.name, f.value), '{}')
        FROM (SELECT b.key AS name, b.value FROM device_label b
              WHERE b.org_id = $1 AND b.device_id = w.device_id AND b.key = ANY ($4::text[])
                AND NOT EXISTS (SELECT 1 FROM device_variable v WHERE v.org_id = b.org_id
                                AND v.device_id = b.device_id AND v.name = b.key)
              UNION ALL
              SELECT v.name, v.value FROM device_variable v
              WHERE v.org_id = $1 AND v.device_id = w.device_id AND v.name = ANY ($4)) f) AS fills
FROM device_workloads w
LEFT JOIN device_application a ON a.org_id = w.org_id AND a.device_id = w.device_id AND a.application = $3
LEFT JOIN device_line l ON l.org_id = w.org_id AND l.device_id = w.device_id
CROSS JOIN LATERAL (
    SELECT count(*) AS applications, coalesce(sum(r.services), 0) AS services,
           coalesce(sum(r.data_bytes), 0) AS data_bytes
    FROM device_application x JOIN application_revision r USING (org_id, application, revision)
    WHERE x.org_id = w.org_id AND x.device_id = w.device_id AND x.application <> $3
) o
WHERE w.org_id = $1 AND w.device_id = ANY ($2::text[])

-- name: assign @org
-- What these devices shall run of an application from now on. Who had it, has had it since then.
INSERT INTO device_application AS a (
    org_id, device_id, application, revision, filled, wanted, errors, by_hand, pinned)
SELECT $1, device_id, $2, revision, filled, wanted, errors, by_hand, pinned
FROM json_to_recordset($3::json)
     AS n (device_id text, revision text, filled jsonb, wanted text, errors jsonb, by_hand boolean, pinned boolean)
ORDER BY device_id
ON CONFLICT (org_id, device_id, application) DO UPDATE
SET revision = excluded.revision, filled = excluded.filled, wanted = excluded.wanted, errors = excluded.errors,
    by_hand = excluded.by_hand, pinned = excluded.pinned, orphaned = false

-- name: unassign @org
-- From these devices, or (null) from each.
DELETE FROM device_application
WHERE org_id = $1 AND application = $2 AND ($3::text[] IS NULL OR device_id = ANY ($3))
RETURNING device_id

-- name: forget_volumes @org
-- The named volumes of an application go from these devices, or ($4) stay.
UPDATE device_workloads
SET remove_volumes = CASE WHEN $4 THEN array_append(array_remove(remove_volumes, $2), $2)
                          ELSE array_remove(remove_volumes, $2) END
WHERE org_id = $1 AND device_id = ANY ($3::text[]) AND ($4 OR $2 = ANY (remove_volumes))

-- name: settle @org
-- The version of what these devices shall have: a hash of it, and another one where it is something else.
-- Then there may be room for what was refused.
UPDATE device_workloads w SET version = n.version, changed_at = clock_timestamp(), refused = '{}'
FROM (
    SELECT t.device_id, encode(sha256(convert_to(jsonb_build_array(
        (SELECT jsonb_agg(jsonb_build_array(
                    a.application, a.revision, a.filled, a.errors, r.signature IS NOT NULL,
                    (SELECT jsonb_agg(s.service ORDER BY s.service) FROM device_stop s
                     WHERE s.org_id = a.org_id AND s.device_id = a.device_id
                       AND s.application = a.application))
                    ORDER BY a.assigned_at, a.application)
         FROM device_application a JOIN application_revision r USING (org_id, application, revision)
         WHERE a.org_id = $1 AND a.device_id = t.device_id),
        (SELECT jsonb_agg(jsonb_build_array(g.name, g.version) ORDER BY g.name) FROM registry g
         WHERE g.org_id = $1 AND g.host IN (
             SELECT unnest(r.hosts)
             FROM device_application a JOIN application_revision r USING (org_id, application, revision)
             WHERE a.org_id = $1 AND a.device_id = t.device_id)),
        (SELECT to_jsonb(v.remove_volumes) FROM device_workloads v
         WHERE v.org_id = $1 AND v.device_id = t.device_id))::text, 'UTF8')), 'hex') AS version
    FROM unnest($2::text[]) AS t (device_id)
) n
WHERE w.org_id = $1 AND w.device_id = n.device_id AND w.version <> n.version
RETURNING w.device_id

-- name: assignments @org
-- What these devices shall run, with the services that are stopped: of one application, or (null) of each.
SELECT a.*, ARRAY(SELECT s.service FROM device_stop s
                  WHERE s.org_id = a.org_id AND s.device_id = a.device_id AND s.application = a.application
                  ORDER BY s.service) AS stopped
FROM device_application a
WHERE a.org_id = $1 AND a.device_id = ANY ($2::text[]) AND ($3::text IS NULL OR a.application = $3)
ORDER BY a.device_id, a.application

-- name: assignment @org
SELECT * FROM device_application WHERE org_id = $1 AND device_id = $2 AND application = $3

-- name: devices_of @org
-- Those that shall run an application, or match it and do not get it, from $3 on.
(SELECT device_id FROM device_application
 WHERE org_id = $1 AND application = $2 AND device_id >= (SELECT coalesce($3, ''))
 ORDER BY device_id LIMIT $4)
UNION
(SELECT device_id FROM device_workloads
 WHERE org_id = $1 AND refused <> '{}' AND jsonb_exists(refused, $2) AND device_id >= (SELECT coalesce($3, ''))
 ORDER BY device_id LIMIT $4)
ORDER BY device_id LIMIT $4

-- name: refuse @org
-- Devices ($5, $6, $7: with code and message) do not get a revision ($3) of an application, as it is ($4).
UPDATE device_workloads w
SET refused = w.refused || jsonb_build_object($2::text, jsonb_build_object(
        'revision', $3::text, 'version', $4::bigint, 'code', n.code, 'message', n.message,
        'retryAt', now() + interval '5 minutes'))
FROM unnest($5::text[], $6::text[], $7::text[]) AS n (device_id, code, message)
WHERE w.org_id = $1 AND w.device_id = n.device_id

-- name: forget_refusals @org
-- Of devices that match the application no more ($3: those that do).
UPDATE device_workloads SET refused = refused - $2::text
WHERE org_id = $1 AND refused <> '{}' AND jsonb_exists(refused, $2) AND device_id <> ALL ($3::text[])

-- name: refusals @org
-- What these devices do not get of the applications that match them; of one, or (null) of each. What was
-- decided of an application that was changed since is left out.
SELECT w.device_id, p.name AS application, e.value ->> 'revision' AS revision, e.value ->> 'code' AS code,
       e.value ->> 'message' AS message
FROM device_workloads w
CROSS JOIN LATERAL jsonb_each(w.refused) e
JOIN application p ON p.org_id = w.org_id AND p.name = e.key AND p.version = (e.value ->> 'version')::bigint
WHERE w.org_id = $1 AND w.device_id = ANY ($2::text[]) AND w.refused <> '{}'
  AND ($3::text IS NULL OR e.key = $3)
ORDER BY w.device_id, p.name

-- name: device_ids_of @org
SELECT a.device_id FROM device_application a JOIN device d USING (org_id, device_id)
WHERE a.org_id = $1 AND a.application = $2 AND d.deleted_at IS NULL
ORDER BY a.device_id

-- name: of_registry @org
-- Devices that run what comes from a host, behind $3.
SELECT DISTINCT a.device_id
FROM application_revision r JOIN device_application a USING (org_id, application, revision)
WHERE r.org_id = $1 AND $2 = ANY (r.hosts) AND a.device_id > (SELECT coalesce($3, ''))
ORDER BY a.device_id LIMIT 1000

-- name: of_revision @org
-- Devices that have a revision.
SELECT device_id FROM device_application WHERE org_id = $1 AND application = $2 AND revision = $3 ORDER BY device_id

-- name: wanted
-- The version of what these devices shall have.
SELECT w.* FROM device_workloads w
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)

-- name: version @org
SELECT version FROM device_workloads WHERE org_id = $1 AND device_id = $2

-- name: documents
-- All that these devices shall run, with the services that are stopped; each the earliest first.
SELECT a.*, ARRAY(SELECT s.service FROM device_stop s
                  WHERE s.org_id = a.org_id AND s.device_id = a.device_id AND s.application = a.application
                  ORDER BY s.service) AS stopped
FROM device_application a
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
ORDER BY a.org_id, a.device_id, a.assigned_at, a.application

-- name: stop @org
INSERT INTO device_stop (org_id, device_id, application, service, stopped_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING service

-- name: start @org
DELETE FROM device_stop WHERE org_id = $1 AND device_id = $2 AND application = $3 AND service = $4
RETURNING service

-- name: variables @org
SELECT name, value FROM device_variable WHERE org_id = $1 AND device_id = $2 ORDER BY name

-- name: put_variables @org
-- These are all that the device has.
WITH gone AS (
    DELETE FROM device_variable WHERE org_id = $1 AND device_id = $2 AND name <> ALL ($3::text[])
)
INSERT INTO device_variable (org_id, device_id, name, value)
SELECT $1, $2, n.name, n.value FROM unnest($3::text[], $4::text[]) AS n (name, value)
ON CONFLICT (org_id, device_id, name) DO UPDATE SET value = excluded.value
WHERE device_variable.value <> excluded.value

-- name: fills @org
-- What is filled in on these devices now, by name: a variable goes before a label.
SELECT t.device_id, f.name, f.value
FROM unnest($2::text[]) AS t (device_id)
CROSS JOIN LATERAL (
    SELECT b.key AS name, b.value FROM device_label b
    WHERE b.org_id = $1 AND b.device_id = t.device_id
      AND NOT EXISTS (SELECT 1 FROM device_variable v WHERE v.org_id = b.org_id AND v.device_id = b.device_id
                      AND v.name = b.key)
    UNION ALL
    SELECT v.name, v.value FROM device_variable v WHERE v.org_id = $1 AND v.device_id = t.device_id
) f

-- name: reports @org
-- What these devices said last, of one application or (null) of each.
SELECT * FROM workload_report
WHERE org_id = $1 AND device_id = ANY ($2::text[]) AND ($3::text IS NULL OR application = $3)

-- name: states @org
-- How many services of an application are in which state, as devices said last (null: nothing yet), with
-- those of devices that match it and do not get it.
SELECT s.state, count(*) AS services
FROM (
    SELECT CASE WHEN jsonb_exists(a.errors, k.service) OR NOT CASE
                         WHEN l.software ? 'sections' THEN l.software -> 'sections' ? 'workloads'
                         WHEN l.boot_id IS NOT NULL THEN false ELSE true END THEN 'error'
                ELSE (SELECT e ->> 'state' FROM jsonb_array_elements(w.services) e
                      WHERE e ->> 'service' = k.service LIMIT 1) END AS state
    FROM device_application a
    JOIN application_revision r ON r.org_id = a.org_id AND r.application = a.application
                               AND r.revision = coalesce(a.wanted, a.revision)
    CROSS JOIN LATERAL jsonb_object_keys(r.compose -> 'services') AS k (service)
    LEFT JOIN workload_report w ON w.org_id = a.org_id AND w.device_id = a.device_id
                               AND w.application = a.application
    LEFT JOIN device_line l ON l.org_id = a.org_id AND l.device_id = a.device_id
    WHERE a.org_id = $1 AND a.application = $2
    UNION ALL
    SELECT 'error'
    FROM device_workloads d
    JOIN application p ON p.org_id = d.org_id AND p.name = $2
                      AND p.version = (d.refused -> $2 ->> 'version')::bigint
    JOIN application_revision r ON r.org_id = d.org_id AND r.application = $2
                               AND r.revision = d.refused -> $2 ->> 'revision'
    CROSS JOIN LATERAL jsonb_object_keys(r.compose -> 'services')
    WHERE d.org_id = $1 AND d.refused <> '{}' AND jsonb_exists(d.refused, $2)
) s
GROUP BY s.state

-- name: engines @org
-- Whether these devices have an engine, as far as they have said.
SELECT l.device_id, CASE WHEN l.software ? 'sections' THEN l.software -> 'sections' ? 'workloads'
                         WHEN l.boot_id IS NOT NULL THEN false END AS has_engine
FROM device_line l
WHERE l.org_id = $1 AND l.device_id = ANY ($2::text[])

-- name: targets @org
-- Of the applications that have one.
SELECT name, target FROM application WHERE org_id = $1 AND target IS NOT NULL ORDER BY name

-- name: matching
-- The devices that a query of labels, groups and ids means; its condition stands in for the comment.
SELECT d.device_id FROM device d
WHERE d.org_id = $1 AND d.deleted_at IS NULL AND /*query*/ true

-- name: matched
-- How devices stand to an application that a query gives them: those among $3 that match and lack it, or
-- were marked as orphaned; and those that have it by the query and match no more. Who was refused it as it
-- is now is not asked again before its time.
SELECT m.device_id, a.device_id IS NULL AS lacks, true AS matches
FROM unnest($3::text[]) AS m (device_id)
JOIN device d ON d.org_id = $1 AND d.device_id = m.device_id AND d.deleted_at IS NULL
LEFT JOIN device_application a ON a.org_id = $1 AND a.application = $2 AND a.device_id = m.device_id
WHERE a.orphaned OR a.device_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM device_workloads w JOIN application p USING (org_id)
    WHERE w.org_id = $1 AND w.device_id = m.device_id AND p.name = $2
      AND (w.refused -> $2 ->> 'version')::bigint = p.version
      AND (w.refused -> $2 ->> 'retryAt')::timestamptz > now())
UNION ALL
SELECT a.device_id, false, false
FROM device_application a
WHERE a.org_id = $1 AND a.application = $2 AND NOT a.by_hand AND (NOT a.orphaned OR $4)
  AND a.device_id <> ALL ($3)
ORDER BY 1

-- name: orphan
-- Devices that match no more, or ($4) do again.
UPDATE device_application SET orphaned = $4
WHERE org_id = $1 AND application = $2 AND device_id = ANY ($3::text[])

-- name: use
-- What services of devices use, as they said, and the document of which their report holds now; answers
-- whose report is another than the device's ($1, hash).
WITH said AS (
    SELECT s.* FROM json_to_recordset($1::json)
        AS s (org_id text, device_id text, application text, version text, hash text, usage jsonb)
), used AS (
    UPDATE workload_report r SET usage = s.usage, version = s.version FROM said s
    WHERE r.org_id = s.org_id AND r.device_id = s.device_id AND r.application = s.application
      AND s.hash IN (r.hash, r.bare_hash)
    RETURNING r.org_id, r.device_id, r.application
)
SELECT s.org_id, s.device_id FROM said s
WHERE NOT EXISTS (SELECT 1 FROM used u WHERE u.org_id = s.org_id AND u.device_id = s.device_id
                  AND u.application = s.application)

-- name: roll_up_usage
-- Into the five-minute sums of metrics: of services that these devices shall run.
INSERT INTO metric_rollup AS r (org_id, device_id, bucket, name, count, sum, min, max)
SELECT s.org_id, s.device_id, date_bin('5 minutes', now(), 'epoch'),
       format('workload.%s.%s.%s', s.application, s.service, s.figure), count(*), sum(s.value), min(s.value),
       max(s.value)
FROM json_to_recordset($1::json)
     AS s (org_id text, device_id text, application text, service text, figure text, value double precision)
JOIN device_application a USING (org_id, device_id, application)
JOIN application_revision v USING (org_id, application, revision)
WHERE v.compose -> 'services' ? s.service
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 4, 3
ON CONFLICT (org_id, device_id, name, bucket) DO UPDATE
SET count = r.count + excluded.count, sum = r.sum + excluded.sum,
    min = least(r.min, excluded.min), max = greatest(r.max, excluded.max)
