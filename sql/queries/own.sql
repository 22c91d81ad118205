-- name: known
-- Which of these descriptions there are.
SELECT org_id, hash FROM command_description
JOIN unnest($1::text[], $2::text[]) AS n (org_id, hash) USING (org_id, hash)

-- name: add
-- The first to describe a hash is believed. Nothing when the organisation ($1) has $5 of them.
INSERT INTO command_description (org_id, hash, commands, described_by)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM command_description WHERE org_id = $1) < $5
ON CONFLICT (org_id, hash) DO NOTHING

-- name: forget
-- Descriptions of which no device speaks any more; a new one's first line may still be on its way.
DELETE FROM command_description c
WHERE c.described_at < now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM device_line l WHERE l.org_id = c.org_id AND l.own_hash = c.hash)

-- name: said @org
-- What the last hello of each of these devices said of its own commands, whether it is on a line, and
-- whether that line's hello is still awaited. Unknown and deleted ones are left out. $1 organisation.
SELECT d.device_id, l.own_hash, coalesce(o.online, false) AS online,
       coalesce(o.online AND l.boot_id IS NULL, false) AS awaited
FROM unnest($2::text[]) AS t (device_id)
JOIN device d ON d.org_id = $1 AND d.device_id = t.device_id AND d.deleted_at IS NULL
LEFT JOIN device_line l ON l.org_id = d.org_id AND l.device_id = d.device_id
LEFT JOIN replica r ON r.replica_id = l.replica_id
CROSS JOIN LATERAL (SELECT r.replica_id IS NOT NULL AND l.closed_at IS NULL
                           AND r.ended_at IS NULL AS online) o

-- name: descriptions @org
-- Each of these ($2) of an organisation.
SELECT hash, commands FROM command_description WHERE org_id = $1 AND hash = ANY ($2::text[])

-- name: types @org
-- What these devices said they can, each combination once.
SELECT DISTINCT l.commands, l.own_hash
FROM unnest($2::text[]) AS t (device_id)
JOIN device d ON d.org_id = $1 AND d.device_id = t.device_id AND d.deleted_at IS NULL
LEFT JOIN device_line l ON l.org_id = d.org_id AND l.device_id = d.device_id

-- name: types_of_group @org
-- The same of the members of a group.
SELECT DISTINCT l.commands, l.own_hash
FROM device_group_member m
JOIN device d ON d.org_id = m.org_id AND d.device_id = m.device_id AND d.deleted_at IS NULL
LEFT JOIN device_line l ON l.org_id = d.org_id AND l.device_id = d.device_id
WHERE m.org_id = $1 AND m.group_id = $2

-- name: types_of_all @org
-- The same of all devices of the organisation, which are all looked at.
SELECT DISTINCT l.commands, l.own_hash
FROM device d LEFT JOIN device_line l USING (org_id, device_id)
WHERE d.org_id = $1 AND d.deleted_at IS NULL
