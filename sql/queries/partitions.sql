-- name: make
-- The partitions of one table that are needed soon.
SELECT make_partitions($1, $2, $3)

-- name: drop
-- Partitions past their retention.
SELECT drop_partitions($1, $2, $3)
