-- What the step of a clock must not do (rows without a place, deletions that trust one clock); and what a
-- device is: one of two with the same identity, or too small for a long frame.

CREATE TABLE status_event_default PARTITION OF status_event DEFAULT;
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE TABLE log_line_default PARTITION OF log_line DEFAULT;
CREATE TABLE metric_rollup_default PARTITION OF metric_rollup DEFAULT;
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

CREATE TABLE partition_drop (
    parent     text PRIMARY KEY,
    dropped_at timestamptz NOT NULL
);
COMMENT ON TABLE partition_drop IS 'When a partition of each table was last dropped: one an hour at most.';

DROP FUNCTION make_partitions(text, interval, integer);
CREATE FUNCTION make_partitions(parent text, step interval, ahead integer, moments timestamptz[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    spare     text := parent || '_default';
    key       text;
    partition text;
    low       timestamptz;
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I DEFAULT', spare, parent);
    SELECT a.attname INTO key FROM pg_partitioned_table t
    JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
    WHERE t.partrelid = parent::regclass;
    FOR low IN EXECUTE format(
        'SELECT date_bin($1, m, ''epoch'') + i * $1 FROM unnest($2 || now()) m, generate_series(-1, $3) i '
        'UNION SELECT date_bin($1, %I, ''epoch'') FROM %I', key, spare) USING step, moments, ahead
    LOOP
        partition := parent || to_char(low AT TIME ZONE 'UTC', '_YYYYMMDDHH24');
        CONTINUE WHEN to_regclass(quote_ident(partition)) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING IDENTITY)', partition, parent);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', spare);
        EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) '
                       'INSERT INTO %I SELECT * FROM moved',
                       spare, key, low, key, low + step, partition);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       parent, partition, low, low + step);
    END LOOP;
END $$;
COMMENT ON FUNCTION make_partitions IS 'The partitions of now and of each moment, the one before each, so many ahead, and those of rows in the default partition, which move there.';

DROP FUNCTION drop_partitions(text, interval, interval);
CREATE FUNCTION drop_partitions(parent text, step interval, keep interval) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    part   record;
    newest timestamptz;
    filled boolean;
BEGIN
    UPDATE partition_drop d SET dropped_at = least(d.dropped_at, now())
    WHERE d.parent = drop_partitions.parent AND d.dropped_at > now() - interval '1 hour';
    IF FOUND THEN
        RETURN 0;
    END IF;
    FOR part IN
        SELECT c.relname, to_timestamp(right(c.relname, 10) || '+00', 'YYYYMMDDHH24TZH') AS low
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname = drop_partitions.parent AND p.relnamespace = current_schema()::regnamespace
          AND c.relname ~ '_[0-9]{10}$'
        ORDER BY low DESC
    LOOP
        IF newest IS NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I)', part.relname) INTO filled;
            newest := CASE WHEN filled THEN part.low END;
        END IF;
    END LOOP;
    IF part.low + step < now() - keep AND (newest IS NULL OR part.low + step < newest - keep) THEN
        EXECUTE format('DROP TABLE %I', part.relname);
        INSERT INTO partition_drop VALUES (drop_partitions.parent, now())
        ON CONFLICT ON CONSTRAINT partition_drop_pkey DO UPDATE SET dropped_at = now();
        RETURN 1;
    END IF;
    RETURN 0;
END $$;
COMMENT ON FUNCTION drop_partitions IS 'Drops the oldest partition when all in it is older than keep, counted from now and from the newest row, whichever is earlier; at most one an hour. Says how many.';

ALTER TABLE device_line ADD COLUMN takeovers integer NOT NULL DEFAULT 0;
ALTER TABLE device_line ADD COLUMN taken_over_at timestamptz;
COMMENT ON COLUMN device_line.takeovers IS 'How many lines in a row took over from an open one, each within ten minutes of the last.';
ALTER TABLE device_line ADD COLUMN max_frame integer;
COMMENT ON COLUMN device_line.max_frame IS 'The longest frame that the device takes, in bytes, as its last hello said.';
