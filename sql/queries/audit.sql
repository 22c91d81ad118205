-- name: insert
-- Rows in the transaction of the action that they tell of.
INSERT INTO audit_log (org_id, actor, action, target, detail, actor_kind, actor_id, credential, address,
                       request_id, outcome, reason, changes)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[],
                     $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                     $13::jsonb[])

-- name: list
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
