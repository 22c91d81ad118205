-- name: lock
-- Replicas take turns: CREATE TABLE IF NOT EXISTS fails when two do it at once.
SELECT pg_advisory_xact_lock(68196)

-- name: make
-- The partitions of one table that are needed soon, or for the moments $4.
SELECT make_partitions($1, $2, $3, $4)

-- name: drop
-- A partition past its retention.
SELECT drop_partitions($1, $2, $3)
