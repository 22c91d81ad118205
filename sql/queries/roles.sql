-- name: make
-- The roles, where this login may make roles; then it becomes a member of the owner, and those two may
-- become longline_app for a transaction, without having its rights before; or longline_scoped, which has
-- the same rights on fewer rows. Roles belong to the server:
-- another database may have made them before, or be making them now.
DO $$
DECLARE
    name text;
    other text;
BEGIN
    FOREACH name IN ARRAY ARRAY['longline_owner', 'longline_hub', 'longline_app', 'longline_scoped'] LOOP
        IF to_regrole(name) IS NULL
           AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % is there', name;
            END;
        END IF;
    END LOOP;
    IF to_regrole('longline_owner') IS NOT NULL AND NOT pg_has_role('longline_owner', 'USAGE')
       AND pg_has_role('longline_owner', 'MEMBER WITH ADMIN OPTION') THEN
        GRANT longline_owner TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;
    END IF;
    IF to_regrole('longline_scoped') IS NOT NULL AND to_regrole('longline_app') IS NOT NULL
       AND pg_has_role('longline_app', 'MEMBER WITH ADMIN OPTION')
       AND NOT pg_has_role('longline_scoped', 'longline_app', 'USAGE') THEN
        GRANT longline_app TO longline_scoped WITH INHERIT TRUE, SET FALSE;
    END IF;
    FOR name, other IN SELECT a.holder, b.held FROM unnest(ARRAY['longline_owner', 'longline_hub']) AS a (holder),
                                              unnest(ARRAY['longline_app', 'longline_scoped']) AS b (held) LOOP
        IF to_regrole(name) IS NOT NULL AND to_regrole(other) IS NOT NULL
           AND pg_has_role(other, 'MEMBER WITH ADMIN OPTION')
           AND NOT pg_has_role(name, other, 'SET') THEN
            EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', other, name);
        END IF;
    END LOOP;
END $$

-- name: close_schema
-- Nobody else makes anything here. Only who owns the database, or the schema, can see to it.
DO $$
BEGIN
    IF (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'public') THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        IF pg_has_role(to_regrole('longline_owner'), 'SET') THEN  -- else they are strangers
            GRANT USAGE, CREATE ON SCHEMA public TO longline_owner;
        END IF;
        IF to_regrole('longline_hub') IS NOT NULL THEN
            GRANT USAGE ON SCHEMA public TO longline_hub;
        END IF;
        IF to_regrole('longline_app') IS NOT NULL THEN
            GRANT USAGE ON SCHEMA public TO longline_app;
        END IF;
    END IF;
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
END $$

-- name: plan_once
-- A statement is planned once, for all values: planning anew takes longer over partitions than most
-- statements do, JIT longer still, and tests count the pages of that plan. Set for the database, by who owns
-- it: a pooler refuses what a session asks for.
DO $$
BEGIN
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_generic_plan', current_database());
        EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
    END IF;
END $$

-- name: standing
-- Whether there is a role for serving, and one for what is of one organisation; and whether this login may
-- hand over to the owner.
SELECT to_regrole('longline_hub') IS NOT NULL AS may_serve,
       to_regrole('longline_hub') IS NOT NULL AND to_regrole('longline_app') IS NOT NULL AS may_isolate,
       coalesce(pg_has_role(to_regrole('longline_owner'), 'USAGE')
                AND pg_has_role(to_regrole('longline_owner'), 'SET')
                AND has_schema_privilege(to_regrole('longline_owner'), 'public', 'CREATE'), false)
           AS may_hand_over

-- name: to_hand_over
-- Statements that give longline_owner what this login made, functions last: until then they run as this
-- login, which may do all that the owner may. Not what an extension brought.
SELECT format('ALTER %s %s OWNER TO longline_owner', o.kind, o.name) AS statement
FROM (SELECT 'pg_class'::regclass AS catalogue, oid, relowner AS owner, 'TABLE' AS kind,
             oid::regclass::text AS name
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      UNION ALL
      SELECT 'pg_proc'::regclass, oid, proowner, 'ROUTINE', oid::regprocedure::text
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL
      SELECT 'pg_type'::regclass, oid, typowner, 'TYPE', oid::regtype::text
      FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e') AS o
WHERE o.owner <> to_regrole('longline_owner') AND pg_has_role(o.owner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = o.catalogue AND d.objid = o.oid AND d.deptype = 'e')
ORDER BY o.kind DESC, 1

-- name: to_isolate
-- Statements that put each table with an org_id, and the accounts, under row-level security, as far as
-- they are not: for longline_app the rows of its organisation; for longline_scoped of these only what
-- is of the devices that the caller may see, and the campaigns that are theirs, where there is that role; for longline_hub all of them; no other policy. One string a
-- table, which is one transaction: no replica ever finds the one without the other. Rights are apart
-- (sql/grants.sql); the owner is not subject, and nobody else has a right on a partition by name.
WITH guarded AS (
    SELECT c.oid AS id, c.relname::text AS name, c.oid::regclass AS shown, c.relrowsecurity AS is_on,
           bool_or(a.attname = 'device_id') AS of_devices
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND pg_has_role(c.relowner, 'USAGE')
    GROUP BY c.oid HAVING bool_or(a.attname = 'org_id') OR c.relname = 'account'
), wanted AS (
    SELECT id, 'hub' AS name, 'longline_hub' AS role, true AS permissive, '*' AS command, 'true' AS qual
    FROM guarded
    UNION ALL
    SELECT id, 'app', 'longline_app', true, '*', '(org_id = longline_org())'
    FROM guarded WHERE name <> 'account'
    UNION ALL
    SELECT id, 'app', 'longline_app', true, 'r',
           '(EXISTS ( SELECT FROM member m WHERE (m.user_id = account.user_id)))'
    FROM guarded WHERE name = 'account'
    UNION ALL
    SELECT id, 'scope', 'longline_scoped', false, p.command, p.qual
    FROM guarded CROSS JOIN LATERAL (SELECT CASE name
            WHEN 'device_group' THEN
                '(group_id = ANY (( SELECT longline_groups() AS longline_groups)::text[]))'
            WHEN 'device_group_config' THEN
                '(group_id = ANY (( SELECT longline_groups() AS longline_groups)::text[]))'
            WHEN 'device_group_member' THEN
                '((group_id = ANY (( SELECT longline_groups() AS longline_groups)::text[])) OR '
                '(device_id = ANY (( SELECT longline_devices() AS longline_devices)::text[])))'
            WHEN 'campaign' THEN
                '((owner_id = ( SELECT longline_caller() AS longline_caller)) OR '
                '(EXISTS ( SELECT FROM campaign_device d WHERE ((d.org_id = campaign.org_id) '
                'AND (d.campaign_id = campaign.campaign_id)))))'
            WHEN 'audit_log' THEN  -- users and roles may have the names of devices
                '(((split_part(action, ''.''::text, 1) = ANY (ARRAY[''command''::text, ''config''::text, '
                '''deployment''::text, ''device''::text, ''group''::text, ''penalty''::text, ''session''::text])) '
                'OR (action ~~ ''% %/devices/{id}%''::text)) '
                'AND (EXISTS ( SELECT FROM device d WHERE ((d.org_id = audit_log.org_id) '
                'AND (d.device_id = audit_log.target)))))'
            ELSE CASE WHEN of_devices THEN format(
                '((device_id = ANY (( SELECT longline_devices() AS longline_devices)::text[])) OR '
                '(EXISTS ( SELECT FROM device_group_member m WHERE ((m.org_id = %1$s.org_id) '
                'AND (m.device_id = %1$s.device_id) '
                'AND (m.group_id = ANY (( SELECT longline_groups() AS longline_groups)::text[]))))))',
                shown) END END AS qual,
        CASE WHEN name IN ('campaign', 'audit_log') THEN 'r' ELSE '*' END AS command) AS p
    WHERE p.qual IS NOT NULL AND to_regrole('longline_scoped') IS NOT NULL
), present AS (
    SELECT p.polrelid AS id, p.polname::text AS name, p.polroles AS roles, p.polpermissive AS permissive,
           p.polcmd::text AS command,
           regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') AS qual
    FROM pg_policy p WHERE p.polwithcheck IS NULL
)
SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', g.shown)
       || coalesce((SELECT string_agg(format('DROP POLICY %I ON %s;', p.polname, g.shown), '')
                    FROM pg_policy p WHERE p.polrelid = g.id), '')
       || (SELECT string_agg(format('CREATE POLICY %I ON %s AS %s FOR %s TO %I', w.name, g.shown,
                                    CASE WHEN w.permissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                                    CASE w.command WHEN 'r' THEN 'SELECT' ELSE 'ALL' END, w.role)
                             || ' USING (' || w.qual || ')', ';')
           FROM wanted w WHERE w.id = g.id) AS statement
FROM guarded g
WHERE NOT g.is_on
   OR EXISTS (SELECT FROM (SELECT * FROM wanted WHERE wanted.id = g.id) w
              FULL JOIN (SELECT * FROM present WHERE present.id = g.id) p
                  ON p.name = w.name AND p.roles = ARRAY[to_regrole(w.role)::oid]
                     AND p.permissive = w.permissive AND p.command = w.command
                     AND p.qual = w.qual
              WHERE w.id IS NULL OR p.id IS NULL)
   OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = g.id AND p.polwithcheck IS NOT NULL)
ORDER BY 1

-- name: login
-- As whom this session is signed in, the most that it may do or become, and whether it may become the
-- role of one organisation.
SELECT session_user::text AS name, CASE
    WHEN EXISTS (SELECT FROM pg_roles WHERE rolsuper AND pg_has_role(session_user, oid, 'MEMBER'))
        THEN 'superuser'
    WHEN EXISTS (SELECT FROM pg_roles
                 WHERE pg_has_role(session_user, oid, 'MEMBER')
                   AND rolname IN ('pg_execute_server_program', 'pg_read_server_files',
                                   'pg_write_server_files', 'pg_read_all_data', 'pg_write_all_data'))
        THEN 'server'
    WHEN pg_has_role(session_user, coalesce(
             (SELECT relowner FROM pg_class WHERE oid = to_regclass('audit_log')),
             (SELECT datdba FROM pg_database WHERE datname = current_database())), 'MEMBER')
        THEN 'owner'
    ELSE 'hub' END AS rights,
    CASE WHEN pg_has_role(session_user, to_regrole('longline_app'), 'SET') THEN 'role'
         ELSE 'statements' END AS organisations,
    coalesce(pg_has_role(session_user, to_regrole('longline_scoped'), 'SET'), false) AS scopes
