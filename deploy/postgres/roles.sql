-- The three roles of nrr, made once by whoever administers the server; a managed PostgreSQL's own administrator can, no superuser is needed.
--   psql "$ADMIN_URL" -v database=nrr -v owner_password="$(cat …)" -v app_password="$(cat …)" -v read_password="$(cat …)" -f roles.sql
-- nrr_owner  owns tables and views, and is for `nrr db upgrade` and `nrr db restore` alone; it can make neither roles nor databases
-- nrr_app    what workers, beat, exporter and commands log in as: reads and writes rows, changes no schema
-- nrr_read   for Grafana, Metabase and people: the views and nothing else, read-only, never for long
-- Run again, it changes the passwords and leaves the rest as it is. The database must be there: CREATE DATABASE nrr;
\set ON_ERROR_STOP on
BEGIN;
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['nrr_owner', 'nrr_app', 'nrr_read']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE nrr_owner WITH LOGIN PASSWORD :'owner_password';
ALTER ROLE nrr_app WITH LOGIN PASSWORD :'app_password';
ALTER ROLE nrr_read WITH LOGIN PASSWORD :'read_password' CONNECTION LIMIT 10;

-- Whoever made a role may set what holds for its sessions.
ALTER ROLE nrr_read SET default_transaction_read_only = on;
ALTER ROLE nrr_read SET statement_timeout = '30s';

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"database" TO nrr_owner;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO nrr_app;
GRANT CONNECT ON DATABASE :"database" TO nrr_read;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO nrr_owner;
GRANT USAGE ON SCHEMA public TO nrr_app, nrr_read;
COMMIT;
