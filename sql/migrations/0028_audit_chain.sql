-- The chain of the audit. Rows of before are all of this transaction, and are sealed in their order.

ALTER TABLE audit_log ADD COLUMN made_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
COMMENT ON COLUMN audit_log.made_in IS 'The transaction, as a number. Rows are sealed by it, not by time: when no transaction up to this one is in progress any more.';
CREATE INDEX audit_log_made_in ON audit_log (made_in, audit_id);
COMMENT ON INDEX audit_log_made_in IS 'For the sealer, which reads the newest rows of all organisations.';

CREATE TABLE audit_seal (
    org_id   text NOT NULL,
    number   bigint NOT NULL,
    audit_id bigint NOT NULL,
    at       timestamptz NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (org_id, number)
);
CREATE INDEX audit_seal_row ON audit_seal (org_id, audit_id);
COMMENT ON TABLE audit_seal IS 'The chain of the rows of audit_log, in which each hash is over the one before and the row.';
COMMENT ON COLUMN audit_seal.at IS 'Of the row.';

CREATE TABLE audit_look (
    is_row    boolean PRIMARY KEY DEFAULT true CHECK (is_row),
    sealed_to bigint NOT NULL DEFAULT 0,
    looked_at timestamptz NOT NULL DEFAULT '-infinity',
    anchor_error text
);
COMMENT ON TABLE audit_look IS 'Rows of transactions before sealed_to are sealed, as of looked_at. Locked by who seals.';
INSERT INTO audit_look DEFAULT VALUES;

CREATE TABLE audit_drop (
    org_id  text PRIMARY KEY,
    number  bigint NOT NULL,
    hash    bytea NOT NULL,
    through bigint NOT NULL,
    at      timestamptz NOT NULL
);
COMMENT ON TABLE audit_drop IS 'Where the chain of an organisation begins, behind what went with its partition.';
COMMENT ON COLUMN audit_drop.number IS 'The last whose seal is gone, and its hash.';
COMMENT ON COLUMN audit_drop.through IS 'The last whose row is gone: the rows of seals up to here may be missing.';

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
        IF parent = 'audit_log' THEN
            INSERT INTO public.audit_drop AS d
            SELECT w.org_id, coalesce(s.number, 0), coalesce(s.hash, decode(repeat('00', 32), 'hex')), w.through, now()
            FROM (SELECT a.org_id, max(a.number) FILTER (WHERE a.at < part.low + step) AS through,
                         coalesce(min(a.number) FILTER (WHERE a.at >= part.low + step) - 1, max(a.number)) AS cut
                  FROM public.audit_seal a GROUP BY a.org_id) w
            LEFT JOIN public.audit_seal s ON s.org_id = w.org_id AND s.number = w.cut
            WHERE w.through IS NOT NULL
            ON CONFLICT ON CONSTRAINT audit_drop_pkey DO UPDATE SET
                number = CASE WHEN excluded.number > d.number THEN excluded.number ELSE d.number END,
                hash = CASE WHEN excluded.number > d.number THEN excluded.hash ELSE d.hash END,
                through = excluded.through, at = excluded.at;
            DELETE FROM public.audit_seal s USING public.audit_drop d
            WHERE s.org_id = d.org_id AND s.number <= d.number;
        END IF;
        EXECUTE format('DROP TABLE public.%I', part.relname);
        INSERT INTO public.partition_drop VALUES (drop_partitions.parent, now())
        ON CONFLICT ON CONSTRAINT partition_drop_pkey DO UPDATE SET dropped_at = now();
        RETURN 1;
    END IF;
    RETURN 0;
END $$;
COMMENT ON FUNCTION drop_partitions IS 'Drops the oldest partition when all in it is older than keep, counted from now and from the newest row, whichever is earlier; at most one an hour. Says how many. The seals of the audit go with their rows.';
