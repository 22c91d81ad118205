-- name: sections
-- The sections of these devices, of those kinds for which something was wanted or noted.
SELECT s.* FROM device_section s
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)

-- name: section @org
SELECT * FROM device_section WHERE org_id = $1 AND device_id = $2 AND kind = $3

-- name: lock_section @org
-- The same, for whoever changes what is wanted.
SELECT * FROM device_section WHERE org_id = $1 AND device_id = $2 AND kind = $3 FOR UPDATE

-- name: pinned_artifacts @org
-- The newest release of each type ($2) in its pinned version ($3), from whichever channel.
SELECT DISTINCT ON (r.type) r.*
FROM firmware_release r
JOIN unnest($2::text[], $3::text[]) AS p (type, version) USING (type, version)
WHERE r.org_id = $1
ORDER BY r.type, r.created_at DESC, r.release_id DESC

-- name: note
-- What devices have; of a superseded line, or of a version that is not wanted any more, it counts nothing,
-- nor where the row was wanted anew or doubted since it was read: then the device is handed it over again.
INSERT INTO device_section AS s (org_id, device_id, kind, version, document, hash,
                                 taken, taken_hash, refused, error, changed_at)
SELECT org_id, device_id, n.kind, n.version, n.document, n.hash, n.taken, n.taken_hash, n.refused, n.error,
       n.changed_at
FROM json_to_recordset($1::json)
     AS n (org_id text, device_id text, generation bigint, kind text, version bigint, document jsonb,
           hash text, taken jsonb, taken_hash text, refused bigint, error jsonb, changed_at timestamptz)
JOIN device_line USING (org_id, device_id, generation)
ORDER BY org_id, device_id, kind
ON CONFLICT (org_id, device_id, kind) DO UPDATE
SET taken = excluded.taken, taken_hash = excluded.taken_hash, refused = excluded.refused,
    error = excluded.error
WHERE s.version = excluded.version
  AND s.changed_at IS NOT DISTINCT FROM excluded.changed_at

-- name: steered
-- Those among these devices that have an unfinished command of one of these types ($3).
SELECT DISTINCT c.org_id, c.device_id FROM command c
JOIN unnest($1::text[], $2::text[]) AS t (org_id, device_id) USING (org_id, device_id)
WHERE c.finished_at IS NULL AND c.type = ANY ($3::text[])

-- name: changed
-- Devices of which a section or the configuration may have begun to differ within so many seconds ($1),
-- and when it last did.
SELECT org_id, device_id, max(changed_at) AS changed_at
FROM (
    SELECT org_id, device_id, changed_at FROM device_section
    WHERE changed_at > now() - make_interval(secs => $1)
    UNION ALL
    SELECT org_id, device_id, changed_at FROM device_config
    WHERE changed_at > now() - make_interval(secs => $1)
    UNION ALL
    SELECT org_id, device_id, changed_at FROM device_workloads
    WHERE changed_at > now() - make_interval(secs => $1)
) c
GROUP BY org_id, device_id

-- name: doubt @org
-- What these devices have of a section ($3) is not known any more; where nothing was ever wanted, they
-- should have what every device begins with ($4, $5).
INSERT INTO device_section AS s (org_id, device_id, kind, document, hash, changed_at)
SELECT org_id, device_id, $3, $4, $5, clock_timestamp()
FROM unnest($1::text[], $2::text[]) AS t (org_id, device_id)
ORDER BY org_id, device_id
ON CONFLICT (org_id, device_id, kind) DO UPDATE
SET taken = NULL, taken_hash = NULL, changed_at = excluded.changed_at
