-- name: lock_authorities
-- Take turns in saying who signs.
SELECT pg_advisory_xact_lock(68215)

-- name: authorities
-- Whoever has signed what may still be good, the one that signs first.
SELECT ca_id, certificate, private_key, chain, made_at, expires_at, retired_at FROM certificate_authority
WHERE retired_at IS NULL OR expires_at > now() ORDER BY retired_at DESC NULLS FIRST, made_at DESC

-- name: retire
-- Whoever signs now is trusted from here on, and signs no more.
UPDATE certificate_authority SET retired_at = now() WHERE retired_at IS NULL

-- name: add_authority
INSERT INTO certificate_authority (ca_id, certificate, private_key, chain, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (ca_id) DO UPDATE SET retired_at = NULL

-- name: add
-- A new certificate of a device.
INSERT INTO certificate (org_id, serial, device_id, ca_id, fingerprint, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: standing
-- What decides about a certificate that is shown.
SELECT c.fingerprint, c.ended_at IS NOT NULL AS ended, d.disabled, d.deleted_at IS NOT NULL AS deleted,
       extract(epoch FROM c.good_until)::float8 AS good_until
FROM certificate c JOIN device d USING (org_id, device_id)
WHERE c.org_id = $1 AND c.serial = $2 AND c.device_id = $3

-- name: list @org
-- Certificates, the newest first; that end before a moment, of a status.
SELECT *, CASE WHEN ended_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
                WHEN good_until <= now() THEN 'superseded' ELSE 'valid' END AS status
FROM certificate
WHERE org_id = $1
  AND (issued_at, serial) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
  AND expires_at < (SELECT coalesce($4::timestamptz, 'infinity'))
  AND ($5::text IS NULL OR CASE WHEN ended_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
                WHEN good_until <= now() THEN 'superseded' ELSE 'valid' END = $5)
ORDER BY issued_at DESC, serial DESC
LIMIT $6

-- name: list_of_device @org
-- The same of one device.
SELECT *, CASE WHEN ended_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
                WHEN good_until <= now() THEN 'superseded' ELSE 'valid' END AS status
FROM certificate
WHERE org_id = $1 AND device_id = $7
  AND (issued_at, serial) < ((SELECT coalesce($2::timestamptz, 'infinity')), (SELECT coalesce($3, '')))
  AND expires_at < (SELECT coalesce($4::timestamptz, 'infinity'))
  AND ($5::text IS NULL OR CASE WHEN ended_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
                WHEN good_until <= now() THEN 'superseded' ELSE 'valid' END = $5)
ORDER BY issued_at DESC, serial DESC
LIMIT $6

-- name: revoke @org
-- End a certificate; nothing for one that is not there. One that has ended keeps its first reason.
WITH found AS (
    SELECT * FROM certificate WHERE org_id = $1 AND serial = $2 FOR UPDATE
), ended AS (
    UPDATE certificate c SET ended_at = now(), reason = $3
    FROM found f WHERE c.org_id = f.org_id AND c.serial = f.serial AND f.ended_at IS NULL
    RETURNING c.org_id, c.device_id, c.serial
), told AS (
    INSERT INTO revocation (org_id, kind, subject, lowest, highest)
    SELECT org_id, 'certificate', device_id || '/' || serial, 2, 1 FROM ended
), listed AS (
    UPDATE certificate_authority SET crl_stale = true WHERE EXISTS (SELECT FROM ended)
)
SELECT device_id, fingerprint FROM found

-- name: tell_authorities
-- Each replica reads them again.
INSERT INTO revocation (org_id, kind, subject, lowest, highest) VALUES ($1, 'certificate', '*', 0, 0)

-- name: crl
-- The list of an authority, when it is current: made since the last end, and in the last six hours.
SELECT crl FROM certificate_authority
WHERE ca_id = $1 AND NOT crl_stale AND crl_made_at > now() - interval '6 hours'

-- name: lock_crl
-- Certificates are issued meanwhile.
SELECT crl_number FROM certificate_authority WHERE ca_id = $1 FOR NO KEY UPDATE

-- name: ended
-- What is good no more, though it has not expired.
SELECT serial, coalesce(ended_at, good_until) AS at, ended_at IS NULL AS superseded FROM certificate
WHERE ca_id = $1 AND expires_at > now() AND (ended_at IS NOT NULL OR good_until <= now())
ORDER BY serial

-- name: put_crl
UPDATE certificate_authority SET crl = $2, crl_number = $3, crl_made_at = now(), crl_stale = false
WHERE ca_id = $1

-- name: expiring
-- The newest certificate of each device, when it ends in so many days ($1) or has ended within the last, and
-- nobody was told of that yet: it is noted that somebody is. Before a third of its life is left, nothing is due.
WITH newest AS (
    SELECT DISTINCT ON (c.org_id, c.device_id)
           c.org_id, c.serial, c.device_id, c.issued_at, c.expires_at, c.warned_days
    FROM certificate c JOIN device d USING (org_id, device_id)
    WHERE c.expires_at > now() - interval '1 day' AND c.ended_at IS NULL
      AND NOT d.disabled AND d.deleted_at IS NULL
    ORDER BY c.org_id, c.device_id, c.expires_at DESC
), due AS (
    SELECT n.*, t.days FROM newest n CROSS JOIN LATERAL (
        SELECT min(days) AS days FROM unnest($1::smallint[]) AS days
        WHERE n.expires_at <= now() + make_interval(days => days)
          AND make_interval(days => 3 * days) <= n.expires_at - n.issued_at + interval '1 day') AS t
    WHERE t.days IS NOT NULL AND (n.warned_days IS NULL OR n.warned_days > t.days)
)
UPDATE certificate c SET warned_days = d.days FROM due d
WHERE c.org_id = d.org_id AND c.serial = d.serial
RETURNING c.org_id, c.device_id, c.serial, c.expires_at, d.days

-- name: forget
-- What has expired long ago.
DELETE FROM certificate WHERE expires_at < now() - interval '90 days'
