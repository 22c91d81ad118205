-- name: of_member
-- Which roles a member has where, by itself and by its teams, and what each of its sessions adds by the
-- groups that a provider named (`session_id`, until `ends`); a row without a role when it has none,
-- nothing for who is no member or is disabled.
SELECT a.instance_admin, b.role, b.scope_kind, b.scope_id, b.session_id, b.ends, r.rules
FROM member m
JOIN account a USING (user_id)
LEFT JOIN LATERAL (
    SELECT x.role, x.scope_kind, x.scope_id, NULL AS session_id, NULL::float8 AS ends
    FROM role_binding x
    WHERE x.org_id = m.org_id AND (
        (x.subject_id = m.user_id AND x.subject_kind IN ('user', 'service_account'))
        OR (x.subject_kind = 'team' AND x.subject_id = ANY (ARRAY(
            SELECT t.team_id FROM team_member t WHERE t.org_id = m.org_id AND t.user_id = m.user_id))))
    UNION ALL
    SELECT x.role, x.scope_kind, x.scope_id, s.session_id, extract(epoch FROM s.ends_at)::float8
    FROM user_session s
    JOIN provider_session p USING (org_id, session_id)
    JOIN provider_grant g USING (grant_id)
    JOIN role_binding x ON x.org_id = s.org_id AND x.subject_kind = 'group_claim' AND x.subject_id = ANY (g.groups)
    WHERE s.org_id = m.org_id AND s.user_id = m.user_id AND s.lowest <= s.highest AND s.ends_at > now()
) b ON true
LEFT JOIN custom_role r ON r.org_id = m.org_id AND r.name = b.role
WHERE m.org_id = $1 AND m.user_id = $2 AND NOT m.disabled

-- name: asked_in
-- What an organisation asks of who signs in, and of who dispatches: its settings of these names.
SELECT name, value FROM setting
WHERE org_id = $1 AND name IN ('admin_factor', 'provider_required', 'approvals', 'blast_radius')

-- name: shown_by
-- What each session of a member has shown, and whether a provider began it.
SELECT s.session_id, s.shown,
       EXISTS (SELECT FROM provider_session p WHERE p.org_id = s.org_id AND p.session_id = s.session_id) AS by_provider
FROM user_session s
WHERE s.org_id = $1 AND s.user_id = $2 AND s.lowest <= s.highest AND s.ends_at > now()

-- name: of_key
-- The role of an API key, and those that it has by bindings of its own; nothing for one that is gone.
SELECT k.user_id, k.role AS key_role, extract(epoch FROM k.expires_at)::float8 AS expires_at,
       b.role, b.scope_kind, b.scope_id, r.rules
FROM api_key k
LEFT JOIN role_binding b ON b.org_id = k.org_id AND b.subject_id = k.key_id AND b.subject_kind = 'api_key'
LEFT JOIN custom_role r ON r.org_id = b.org_id AND r.name = b.role
WHERE k.org_id = $1 AND k.key_id = $2

-- name: changed @org
-- For replicas that are at work: what these users or keys may do has changed; of `*`, everybody's.
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT $1, 'rights', unnest($2::text[]), 0, 0

-- name: devices_of
-- Which of these devices are in one of these groups, or named.
SELECT d.device_id FROM device d
WHERE d.org_id = $1 AND d.device_id = ANY ($2::text[])
  AND (d.device_id = ANY ($4::text[]) OR EXISTS (
      SELECT FROM device_group_member m
      WHERE m.org_id = d.org_id AND m.device_id = d.device_id AND m.group_id = ANY ($3::text[])))

-- name: members_of
-- The devices of these groups, and these.
SELECT DISTINCT m.device_id FROM device_group_member m WHERE m.org_id = $1 AND m.group_id = ANY ($2::text[])
UNION
SELECT unnest($3::text[])

-- name: groups_of
-- The groups that a device is in.
SELECT group_id FROM device_group_member WHERE org_id = $1 AND device_id = $2

-- name: role_in_use @org
SELECT EXISTS (SELECT 1 FROM role_binding WHERE org_id = $1 AND role = $2)

-- name: roles @org
SELECT * FROM custom_role WHERE org_id = $1 ORDER BY name

-- name: role @org
SELECT * FROM custom_role WHERE org_id = $1 AND name = $2

-- name: lock_roles @org
-- A role is bound, changed or deleted by one after the other: $1 the organisation.
SELECT pg_advisory_xact_lock(hashtextextended('roles ' || $1, 0))

-- name: add_role @org
INSERT INTO custom_role (org_id, name, rules) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING *

-- name: put_role @org
UPDATE custom_role SET rules = $3 WHERE org_id = $1 AND name = $2 RETURNING *

-- name: delete_role @org
DELETE FROM custom_role WHERE org_id = $1 AND name = $2 RETURNING name

-- name: bindings @org
-- Newest first; $2 kind and $3 id of the subject, $4 role, null for all.
SELECT * FROM role_binding
WHERE org_id = $1 AND ($2::text IS NULL OR subject_kind = $2) AND ($3::text IS NULL OR subject_id = $3)
  AND ($4::text IS NULL OR role = $4)
  AND (created_at, binding_id) < ((SELECT coalesce($5::timestamptz, 'infinity')), (SELECT coalesce($6, '')))
ORDER BY created_at DESC, binding_id DESC
LIMIT $7

-- name: binding @org
SELECT b.*, r.rules FROM role_binding b LEFT JOIN custom_role r ON r.org_id = b.org_id AND r.name = b.role
WHERE b.org_id = $1 AND b.binding_id = $2

-- name: bindings_of
-- Those that count for a member, also by the groups of its sessions, with the rules of their roles.
SELECT b.*, r.rules FROM role_binding b LEFT JOIN custom_role r ON r.org_id = b.org_id AND r.name = b.role
WHERE b.org_id = $1 AND (
    (b.subject_id = $2 AND b.subject_kind IN ('user', 'service_account'))
    OR (b.subject_kind = 'team' AND b.subject_id = ANY (ARRAY(
        SELECT t.team_id FROM team_member t WHERE t.org_id = $1 AND t.user_id = $2)))
    OR (b.subject_kind = 'group_claim' AND b.subject_id = ANY (ARRAY(
        SELECT unnest(g.groups) FROM user_session s
        JOIN provider_session p USING (org_id, session_id) JOIN provider_grant g USING (grant_id)
        WHERE s.org_id = $1 AND s.user_id = $2 AND s.lowest <= s.highest AND s.ends_at > now()))))
ORDER BY b.created_at, b.binding_id

-- name: bindings_to @org
-- Those of a subject, with the rules of their roles: $2 kind, $3 id.
SELECT b.*, r.rules FROM role_binding b LEFT JOIN custom_role r ON r.org_id = b.org_id AND r.name = b.role
WHERE b.org_id = $1 AND b.subject_kind = $2 AND b.subject_id = $3

-- name: bindings_with @org
-- Those of a role.
SELECT * FROM role_binding WHERE org_id = $1 AND role = $2

-- name: subject_exists @org
SELECT CASE $2::text
    WHEN 'user' THEN EXISTS (SELECT 1 FROM member WHERE org_id = $1 AND user_id = $3 AND kind = 'person')
    WHEN 'service_account' THEN EXISTS (SELECT 1 FROM member WHERE org_id = $1 AND user_id = $3 AND kind = 'service')
    WHEN 'team' THEN EXISTS (SELECT 1 FROM team WHERE org_id = $1 AND team_id = $3)
    WHEN 'api_key' THEN EXISTS (SELECT 1 FROM api_key WHERE org_id = $1 AND key_id = $3)
    ELSE true END

-- name: scope_group @org
-- Whether the group of a scope is trusted; it stays so until the commit.
SELECT trusted FROM device_group WHERE org_id = $1 AND group_id = $2 FOR SHARE

-- name: scope_device @org
SELECT true FROM device WHERE org_id = $1 AND device_id = $2 AND deleted_at IS NULL

-- name: add_binding @org
-- Nothing when there is an equal one.
INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind, scope_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING *

-- name: delete_binding
DELETE FROM role_binding WHERE org_id = $1 AND binding_id = $2

-- name: add_team @org
INSERT INTO team (org_id, team_id, name) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING *, 0::bigint AS member_count

-- name: teams @org
SELECT t.*, (SELECT count(*) FROM team_member m WHERE m.org_id = t.org_id AND m.team_id = t.team_id) AS member_count
FROM team t
WHERE org_id = $1
  AND (created_at, team_id) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
ORDER BY created_at DESC, team_id DESC
LIMIT $4

-- name: team @org
SELECT t.*, (SELECT count(*) FROM team_member m WHERE m.org_id = t.org_id AND m.team_id = t.team_id) AS member_count
FROM team t WHERE org_id = $1 AND team_id = $2

-- name: rename_team @org
UPDATE team SET name = $3 WHERE org_id = $1 AND team_id = $2 RETURNING team_id

-- name: delete_team
WITH bound AS (
    DELETE FROM role_binding WHERE org_id = $1 AND subject_kind = 'team' AND subject_id = $2
)
DELETE FROM team WHERE org_id = $1 AND team_id = $2 RETURNING team_id

-- name: team_members @org
SELECT user_id FROM team_member WHERE org_id = $1 AND team_id = $2 ORDER BY user_id

-- name: not_members @org
-- Which of these are no members of the organisation.
SELECT u.user_id FROM unnest($2::text[]) AS u (user_id)
WHERE NOT EXISTS (SELECT FROM member m WHERE m.org_id = $1 AND m.user_id = u.user_id)

-- name: add_team_members @org
INSERT INTO team_member (org_id, team_id, user_id) SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING

-- name: remove_team_members
DELETE FROM team_member WHERE org_id = $1 AND team_id = $2 AND user_id = ANY ($3::text[])
