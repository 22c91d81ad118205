-- Whoever may begin campaigns over some devices sees their own, whatever devices these are for.

CREATE FUNCTION longline_caller() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('longline.caller') $$;
COMMENT ON FUNCTION longline_caller IS 'The user for whom a scoped transaction is; an error when that was not set.';
