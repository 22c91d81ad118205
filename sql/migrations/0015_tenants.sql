-- One organisation's rows can be kept from another's by the database, too.
--
-- Runs once, in a transaction, while replicas of the version before are still at work: they go on to write
-- into event, log_line and status_event. Row-level security itself, its policies and who may do what are
-- in sql/queries/roles.sql and sql/grants.sql, because roles may be missing when this runs.

CREATE FUNCTION longline_org() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    org CONSTANT text := current_setting('longline.org', true);
BEGIN
    IF org IS NULL OR org = '' THEN
        RAISE insufficient_privilege USING MESSAGE = 'this transaction is of no organisation';
    END IF;
    RETURN org;
END $$;
COMMENT ON FUNCTION longline_org IS 'Whose transaction this is; an error when that was not set, so that a lost setting is never an empty answer.';

CREATE TABLE tenant_status_event (LIKE status_event) PARTITION BY RANGE (received_at);
ALTER TABLE tenant_status_event ATTACH PARTITION status_event DEFAULT;
COMMENT ON TABLE tenant_status_event IS 'status_event for reading, under row-level security; its only partition takes what is copied in, which no table under row-level security does.';

CREATE TABLE tenant_event (LIKE event) PARTITION BY RANGE (received_at);
ALTER TABLE tenant_event ATTACH PARTITION event DEFAULT;
COMMENT ON TABLE tenant_event IS 'event for reading, as tenant_status_event.';

CREATE TABLE tenant_log_line (LIKE log_line) PARTITION BY RANGE (received_at);
ALTER TABLE tenant_log_line ATTACH PARTITION log_line DEFAULT;
COMMENT ON TABLE tenant_log_line IS 'log_line for reading, as tenant_status_event.';
