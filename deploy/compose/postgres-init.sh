#!/bin/sh
# Runs once, when the database is made: a role that owns its database and may do nothing else.
set -eu
export PASSWORD_FILE="${SECRETS_DIR:-/run/secrets}/longline_password"
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'END'
\set password `cat "$PASSWORD_FILE"`
CREATE ROLE longline LOGIN PASSWORD :'password';
CREATE DATABASE longline OWNER longline;
REVOKE ALL ON DATABASE longline FROM PUBLIC;
END
