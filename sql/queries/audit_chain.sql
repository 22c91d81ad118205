-- name: has_work
-- Whether there may be rows to seal, or the last look is a minute ago.
SELECT l.looked_at < now() - interval '1 minute' OR l.looked_at > now()
       OR l.sealed_to > pg_snapshot_xmin(pg_current_snapshot())::text::bigint
       OR EXISTS (SELECT FROM audit_log a
                  WHERE a.made_in >= l.sealed_to AND a.made_in < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                    AND NOT EXISTS (SELECT FROM audit_seal s
                                    WHERE s.org_id = a.org_id AND s.audit_id = a.audit_id))
FROM audit_look l

-- name: lock
-- Who seals does so alone: rows of these transactions, which have all ended. A database that was restored
-- on another server may have a mark of transactions that have not been there: from the start, then.
SELECT up_to, CASE WHEN sealed_to > up_to THEN 0 ELSE sealed_to END AS since
FROM audit_look, (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS s (up_to)
FOR UPDATE OF audit_look

-- name: unsealed
-- Rows that no transaction in progress can come before, in the order of the chain; of a server before this
-- one, all. A row whose time lies long before the last look was not written by a hub: it gets no number,
-- and is found.
SELECT a.org_id, a.audit_id, a.at, a.made_in, row_to_json(a)::text AS row
FROM (SELECT a.* FROM audit_log a
      WHERE a.made_in >= $1
        AND (a.made_in < $2 OR a.made_in >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
        AND a.at >= (SELECT least(looked_at, now()) - interval '1 minute' FROM audit_look)
        AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.org_id = a.org_id AND s.audit_id = a.audit_id)
      ORDER BY a.made_in, a.audit_id
      LIMIT 500) a
ORDER BY a.made_in, a.audit_id

-- name: heads
-- Of these organisations; of all of them without.
SELECT o.org_id, coalesce(s.number, d.number) AS number, coalesce(s.hash, d.hash) AS hash
FROM unnest(coalesce($1::text[], ARRAY(SELECT org_id FROM org))) AS o (org_id)
LEFT JOIN LATERAL (SELECT s.number, s.hash FROM audit_seal s
                   WHERE s.org_id = o.org_id ORDER BY s.number DESC LIMIT 1) s ON true
LEFT JOIN audit_drop d ON d.org_id = o.org_id
WHERE coalesce(s.number, d.number) IS NOT NULL

-- name: seal
INSERT INTO audit_seal (org_id, number, audit_id, at, hash)
SELECT * FROM json_to_recordset($1::json)
     AS s (org text, number bigint, audit_id bigint, at timestamptz, hash bytea)

-- name: looked
-- Up to which transaction.
UPDATE audit_look SET sealed_to = $1, looked_at = now()

-- name: note_anchor
-- Why the anchor could not be written; NULL: it could.
UPDATE audit_look SET anchor_error = $1 WHERE anchor_error IS DISTINCT FROM $1

-- name: health
-- Rows that are not sealed after so many seconds.
SELECT l.anchor_error,
       (SELECT count(*) FROM audit_log a
        WHERE a.made_in >= l.sealed_to AND a.at < now() - make_interval(secs => $1)
          AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.org_id = a.org_id AND s.audit_id = a.audit_id)) AS unsealed
FROM audit_look l

-- name: drops
-- Where chains begin.
SELECT org_id, number, hash, through FROM audit_drop

-- name: links
-- The chain, each seal with its row, from behind a seal on.
SELECT s.org_id, s.number, s.audit_id, s.at, s.hash,
       row_to_json(a)::text AS row
FROM audit_seal s
LEFT JOIN audit_log a ON a.org_id = s.org_id AND a.at = s.at AND a.audit_id = s.audit_id
WHERE (s.org_id, s.number) > ($1, $2)
ORDER BY s.org_id, s.number
LIMIT $3

-- name: rows
-- Rows in the order of their time, from behind one on, with their places in the chain.
SELECT a.org_id, a.at, a.audit_id, s.number, s.hash,
       row_to_json(a)::text AS row
FROM audit_log a
LEFT JOIN audit_seal s ON s.org_id = a.org_id AND s.audit_id = a.audit_id AND s.at = a.at
WHERE (a.org_id, a.at, a.audit_id) > ($1, $2, $3)
  AND ($4::text IS NULL OR a.org_id = $4) AND a.at >= $5 AND a.at <= $6
ORDER BY a.org_id, a.at, a.audit_id
LIMIT $7

-- name: unplaced
-- Rows that have no place in the chain; `is_past`: the sealer has gone by.
SELECT a.org_id, a.at, a.audit_id, a.actor, a.action, a.made_in < l.sealed_to AS is_past
FROM audit_log a CROSS JOIN audit_look l
WHERE NOT EXISTS (SELECT FROM audit_seal s
                  WHERE s.org_id = a.org_id AND s.audit_id = a.audit_id AND s.at = a.at)
ORDER BY a.org_id, a.at, a.audit_id
LIMIT $1
