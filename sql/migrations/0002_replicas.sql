-- What replicas owe each other: superseded lines, holes in the stream, callers that wait.

ALTER TABLE replica ADD COLUMN hole_told_at timestamptz;
COMMENT ON COLUMN replica.hole_told_at IS 'When dashboards were told of the hole that its end may have left in the stream, or its goodbye left none.';

ALTER TABLE device_line ADD COLUMN taken_from text;
COMMENT ON COLUMN device_line.taken_from IS 'The other replica whose open line this one superseded.';

CREATE TABLE line_takeover (
    replica_id text NOT NULL,
    org_id     text NOT NULL,
    device_id  text NOT NULL,
    generation bigint NOT NULL
);
CREATE INDEX line_takeover_replica ON line_takeover (replica_id);
COMMENT ON TABLE line_takeover IS 'For a replica whose line was superseded elsewhere: the newer generation. It takes the rows out and closes its line.';

ALTER TABLE command ADD COLUMN accepted_by text NOT NULL DEFAULT '';
ALTER TABLE command ALTER COLUMN accepted_by DROP DEFAULT;
COMMENT ON COLUMN command.accepted_by IS 'The replica that accepted it, where a caller may wait for its end.';
CREATE INDEX command_cancelled ON command (org_id, device_id) WHERE finished_at IS NULL AND cancelled_by IS NOT NULL;
