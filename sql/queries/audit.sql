-- name: insert @org
-- Rows in the transaction of the action that they tell of.
INSERT INTO audit_log (org_id, actor, action, target, detail, actor_kind, actor_id, credential, address,
                       request_id, outcome, reason, changes)
SELECT * FROM json_to_recordset($1::json)
     AS a (org text, actor text, action text, target text, detail jsonb, actor_kind text,
           actor_id text, credential text, address text, request_id text, outcome text,
           reason text, changes jsonb)

-- name: list @org
-- Newest first, from a cursor (at, audit_id) on. One branch runs: of all, of a target, or of an actor.
-- The limits within have the planner take the rows in order, and the filters look at them one by one.
SELECT * FROM ((
    SELECT * FROM audit_log
    WHERE $4::text IS NULL AND $2::text IS NULL AND org_id = $1
      AND at >= (SELECT coalesce($6::timestamptz, '-infinity'))
      AND (at, audit_id) < (
          (SELECT least($8::timestamptz, coalesce($7::timestamptz, 'infinity') + interval '1 microsecond')),
          (SELECT CASE WHEN $8 > $7 THEN 0 ELSE coalesce($9::bigint, 0) END))
    ORDER BY at DESC, audit_id DESC LIMIT $10::bigint * 1000000000
) UNION ALL (
    SELECT * FROM audit_log
    WHERE target = $4 AND org_id = $1
      AND at >= (SELECT coalesce($6::timestamptz, '-infinity'))
      AND (at, audit_id) < (
          (SELECT least($8::timestamptz, coalesce($7::timestamptz, 'infinity') + interval '1 microsecond')),
          (SELECT CASE WHEN $8 > $7 THEN 0 ELSE coalesce($9::bigint, 0) END))
    ORDER BY at DESC, audit_id DESC LIMIT $10::bigint * 1000000000
) UNION ALL (
    SELECT * FROM audit_log
    WHERE $4 IS NULL AND actor = $2 AND org_id = $1
      AND at >= (SELECT coalesce($6::timestamptz, '-infinity'))
      AND (at, audit_id) < (
          (SELECT least($8::timestamptz, coalesce($7::timestamptz, 'infinity') + interval '1 microsecond')),
          (SELECT CASE WHEN $8 > $7 THEN 0 ELSE coalesce($9::bigint, 0) END))
    ORDER BY at DESC, audit_id DESC LIMIT $10::bigint * 1000000000
)) audit_log
WHERE ($2 IS NULL OR actor = $2)
  AND ($3::text IS NULL OR action = $3)
  AND ($5::text IS NULL OR outcome = $5)
  AND NOT EXISTS (SELECT 1 FROM unnest($11::text[]) AS word
                  WHERE NOT (actor ILIKE word OR action ILIKE word OR coalesce(target, '') ILIKE word))
  AND ($7 IS NULL OR at <= $7)
  AND ($8 IS NULL OR (at, audit_id) < ($8, $9))
ORDER BY at DESC, audit_id DESC
LIMIT $10
