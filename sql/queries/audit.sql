-- name: insert @org
-- Rows in the transaction of the action that they tell of.
INSERT INTO audit_log (org_id, actor, action, target, detail, actor_kind, actor_id, credential, address,
                       request_id, outcome, reason, changes)
SELECT * FROM json_to_recordset($1::json)
     AS a (org text, actor text, action text, target text, detail jsonb, actor_kind text,
           actor_id text, credential text, address text, request_id text, outcome text,
           reason text, changes jsonb)

-- name: list @org
-- Newest first, from a cursor (at, audit_id) on.
SELECT *
FROM audit_log
WHERE org_id = $1
  AND ($2::text IS NULL OR actor = $2)
  AND ($3::text IS NULL OR action = $3)
  AND ($4::text IS NULL OR target = $4)
  AND ($5::text IS NULL OR outcome = $5)
  AND ($6::timestamptz IS NULL OR at >= $6)
  AND ($7::timestamptz IS NULL OR at <= $7)
  AND NOT EXISTS (SELECT 1 FROM unnest($11::text[]) AS word
                  WHERE NOT (actor ILIKE word OR action ILIKE word OR coalesce(target, '') ILIKE word))
  AND ($8::timestamptz IS NULL OR (at, audit_id) < ($8, $9::bigint))
ORDER BY at DESC, audit_id DESC
LIMIT $10
