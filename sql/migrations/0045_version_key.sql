-- Versions compare as versions in queries.

CREATE FUNCTION version_key(version text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (SELECT string_agg(lpad(length(n)::text, 3, '0') || n, '' ORDER BY place)
            FROM (VALUES (1, m[1]), (2, coalesce(m[2], '0')), (3, coalesce(m[3], '0'))) AS number (place, n))
        || CASE WHEN m[4] IS NULL THEN '~' ELSE '!' || (
               SELECT string_agg(CASE WHEN p ~ '^[0-9]+$' THEN ' 0' || lpad(length(p)::text, 3, '0') || p
                                      ELSE ' 1' || p END, '' ORDER BY place)
               FROM unnest(string_to_array(m[4], '.')) WITH ORDINALITY AS part (p, place)) END
    FROM regexp_match(version, '^(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*))?'
        || '(?:-((?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?'
        || '(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$') AS m
    WHERE m IS NOT NULL AND length(version) <= 999
$$;
COMMENT ON FUNCTION version_key IS 'A version as a text that sorts as versions do, by code points; null for what is no version. hub/queries/versions.py is the same.';
