-- What nrr_app and nrr_read may do with what nrr_owner owns: run by nrr_owner after each `nrr db upgrade`, and as often as one likes.
--   psql "$OWNER_URL" -f grants.sql
-- nrr_app gets rows and sequences of every table, nrr_read the views; what a later upgrade makes is theirs when this has run again.
\set ON_ERROR_STOP on
BEGIN;
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT n.nspname AS place, c.relname AS name, c.relkind AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('public', 'nrr') AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
          AND c.relkind IN ('r', 'p', 'S', 'v', 'm')
    LOOP
        IF each.kind = 'S' THEN
            EXECUTE format('GRANT USAGE, SELECT, UPDATE ON SEQUENCE %I.%I TO nrr_app', each.place, each.name);
        ELSIF each.kind IN ('v', 'm') THEN
            EXECUTE format('GRANT SELECT ON %I.%I TO nrr_app, nrr_read', each.place, each.name);
        ELSIF each.name = 'alembic_version' THEN
            EXECUTE format('GRANT SELECT ON %I.%I TO nrr_app', each.place, each.name);
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO nrr_app', each.place, each.name);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'nrr') THEN
        EXECUTE 'GRANT USAGE ON SCHEMA nrr TO nrr_app, nrr_read';
    END IF;
END
$$;
COMMIT;
