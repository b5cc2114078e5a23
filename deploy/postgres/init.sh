#!/bin/sh
# What the PostgreSQL of compose.yaml does once, when its volume is empty: the three roles with the passwords of the secrets.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-password \
    -v database="$POSTGRES_DB" \
    -v owner_password="$(cat /run/secrets/postgres_owner_password)" \
    -v app_password="$(cat /run/secrets/postgres_app_password)" \
    -v read_password="$(cat /run/secrets/postgres_read_password)" \
    -f /nrr/roles.sql
