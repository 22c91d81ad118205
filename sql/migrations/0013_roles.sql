-- The hub serves with a login that owns nothing.
--
-- Runs once, in a transaction, while replicas of the version before are still at work.
--
-- What makes and drops partitions runs as its owner, whoever calls it, and does nothing else. Who may
-- call it, and all other rights, are in sql/grants.sql.

CREATE FUNCTION partition_rule(parent text, OUT step interval, OUT least_kept interval)
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    SELECT r.step, r.least_kept INTO partition_rule.step, partition_rule.least_kept
    FROM (VALUES ('status_event', interval '6 hours', interval '1 hour'),
                 ('event', '6 hours', '1 hour'),
                 ('log_line', '1 day', '1 day'),
                 ('metric_rollup', '1 day', '1 day'),
                 ('audit_log', '30 days', '30 days')) AS r (parent, step, least_kept)
    WHERE r.parent = partition_rule.parent;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%L has no partitions by time', parent);
    END IF;
END $$;
COMMENT ON FUNCTION partition_rule IS 'Of each table that is partitioned by time: how long a partition is, and how long its rows are kept whatever is set.';

CREATE OR REPLACE FUNCTION make_partitions(parent text, step interval, ahead integer, moments timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    first     CONSTANT timestamptz := '1900-01-01Z';
    last      CONSTANT timestamptz := '9999-01-01Z';
    spare     text := parent || '_default';
    key       text;
    partition text;
    low       timestamptz;
BEGIN
    IF step IS DISTINCT FROM (partition_rule(parent)).step OR ahead NOT BETWEEN 0 AND 10
       OR cardinality(moments) > 100
       OR EXISTS (SELECT FROM unnest(moments) m WHERE m < first OR m >= last) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('such partitions of %I are not made', parent);
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I DEFAULT', spare, parent);
    SELECT a.attname INTO key FROM pg_partitioned_table t
    JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
    WHERE t.partrelid = format('public.%I', parent)::regclass;
    FOR low IN EXECUTE format(
        'SELECT date_bin($1, m, ''epoch'') + i * $1 FROM unnest($2 || now()) m, generate_series(-1, $3) i '
        'UNION SELECT date_bin($1, %I, ''epoch'') FROM public.%I WHERE %I >= $4 AND %I < $5',
        key, spare, key, key) USING step, moments, ahead, first, last
    LOOP
        partition := parent || to_char(low AT TIME ZONE 'UTC', '_YYYYMMDDHH24');
        CONTINUE WHEN to_regclass(format('public.%I', partition)) IS NOT NULL;
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL EXCLUDING IDENTITY)',
                       partition, parent);
        EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', spare);
        EXECUTE format('WITH moved AS (DELETE FROM public.%I WHERE %I >= %L AND %I < %L RETURNING *) '
                       'INSERT INTO public.%I SELECT * FROM moved',
                       spare, key, low, key, low + step, partition);
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, partition, low, low + step);
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION make_partitions FROM PUBLIC;

CREATE OR REPLACE FUNCTION drop_partitions(parent text, step interval, keep interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    rule   record := partition_rule(parent);
    part   record;
    newest timestamptz;
    filled boolean;
BEGIN
    IF step IS DISTINCT FROM rule.step OR keep < rule.least_kept OR keep IS NULL THEN
        RAISE invalid_parameter_value
        USING MESSAGE = format('partitions of %I are kept for %s at least', parent, rule.least_kept);
    END IF;
    UPDATE public.partition_drop d SET dropped_at = least(d.dropped_at, now())
    WHERE d.parent = drop_partitions.parent AND d.dropped_at > now() - interval '1 hour';
    IF FOUND THEN
        RETURN 0;
    END IF;
    FOR part IN
        SELECT c.relname, to_timestamp(right(c.relname, 10) || '+00', 'YYYYMMDDHH24TZH') AS low
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('public.%I', parent)::regclass AND c.relname ~ '_[0-9]{10}$'
        ORDER BY low DESC
    LOOP
        IF newest IS NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', part.relname) INTO filled;
            newest := CASE WHEN filled THEN part.low END;
        END IF;
    END LOOP;
    IF part.low + step < now() - keep AND (newest IS NULL OR part.low + step < newest - keep) THEN
        EXECUTE format('DROP TABLE public.%I', part.relname);
        INSERT INTO public.partition_drop VALUES (drop_partitions.parent, now())
        ON CONFLICT ON CONSTRAINT partition_drop_pkey DO UPDATE SET dropped_at = now();
        RETURN 1;
    END IF;
    RETURN 0;
END $$;
REVOKE EXECUTE ON FUNCTION drop_partitions FROM PUBLIC;
