#!/bin/sh
# Runs once, when the database is made: one login that owns it and migrates, one that serves and may only
# do what a hub does. See docs/deployment.md.
set -eu
export SECRETS="${SECRETS_DIR:-/run/secrets}"
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'END'
\set owner_password `cat "$SECRETS/longline_password"`
\set server_password `cat "$SECRETS/longline_server_password"`
CREATE ROLE longline_owner NOLOGIN;
CREATE ROLE longline_hub NOLOGIN;
CREATE ROLE longline_app NOLOGIN;
GRANT longline_app TO longline_owner, longline_hub WITH INHERIT FALSE, SET TRUE;
CREATE ROLE longline LOGIN PASSWORD :'owner_password' IN ROLE longline_owner;
CREATE ROLE longline_server LOGIN PASSWORD :'server_password' IN ROLE longline_hub;
CREATE DATABASE longline OWNER longline;
REVOKE ALL ON DATABASE longline FROM PUBLIC;
GRANT CONNECT ON DATABASE longline TO longline_server;
END
