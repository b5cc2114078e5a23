"""Who may read the views, and under which names they are found."""

import pytest
from sqlalchemy import make_url

from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine
from integrations.store.views.declared import VIEWS
from tests.integrations.store.test_views import _rows


def test_a_role_that_only_reads_sees_views_and_nothing_else(postgres_database: str) -> None:
    """The statements of the deploy notes make a role that can read every view, and neither read the tables nor write."""
    import uuid
    from pathlib import Path

    import psycopg

    made = open_engine(postgres_database)
    migrate.upgrade(made)
    made.dispose()
    notes = (Path(__file__).parents[3] / "deploy/sql-views.md").read_text(encoding="utf-8")
    role, database = f"read_{uuid.uuid4().hex[:8]}", postgres_database.rpartition("/")[2]
    statements = (
        notes.split("```sql")[1]
        .split("```")[0]
        .replace("nrr_read", role)
        .replace("DATABASE nrr", f"DATABASE {database}")
        .replace("ROLE nrr ", "ROLE CURRENT_USER ")
    )
    address = postgres_database.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as owner:
        for statement in filter(None, (line.strip() for line in statements.split(";"))):
            owner.execute(statement.replace("…", "secret").encode())
        try:
            with psycopg.connect(address, autocommit=True) as reader:
                reader.execute(f"SET ROLE {role}".encode())
                for view in VIEWS:
                    reader.execute(f"SELECT * FROM {view.in_schema}".encode())
                for refused in ("SELECT * FROM movement", "SELECT * FROM person", "DELETE FROM standing"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        reader.execute(refused.encode())
        finally:
            owner.execute(f"DROP OWNED BY {role}".encode())
            owner.execute(f"DROP ROLE {role}".encode())


def test_both_names_say_the_same(postgres_database: str) -> None:
    """In PostgreSQL each view stands in the schema `nrr` too, with the same columns; evidence is jsonb there and stays text under the old name."""
    made = open_engine(postgres_database)
    migrate.upgrade(made)
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = '{}' AND table_name = '{}' ORDER BY ordinal_position"
    for view in VIEWS:
        schema, name = view.in_schema.split(".")
        old, new = (_rows(made, columns.format(*place)) for place in (("public", view.name), (schema, name)))
        assert list(view.columns) == [row["column_name"] for row in new] == [row["column_name"] for row in old]
        assert [row["column_name"] for before, row in zip(old, new, strict=True) if before != row] == (
            ["evidence"] if view.name == "nrr_movements" else []
        )
    assert ["jsonb"] == [r["data_type"] for r in _rows(made, columns.format("nrr", "movements")) if r["column_name"] == "evidence"]
    made.dispose()


def test_a_user_called_like_the_schema_finds_the_tables(postgres_database: str) -> None:
    """PostgreSQL looks in the schema of the user's own name first: tables stay where they are, and the next upgrade finds them there."""
    assert "nrr" == make_url(postgres_database).username, "the tests' own user is called so"
    made = open_engine(postgres_database)
    migrate.upgrade(made)
    made.dispose()
    assert (migrate.head(), migrate.head()) == migrate.upgrade(made)
    migrate.require_current(made)
    with begin(made) as connection:
        connection.exec_driver_sql("CREATE TABLE later (a int)")
    kinds = (
        "SELECT CAST(CAST(relnamespace AS regnamespace) AS text) AS place, relname, CAST(relkind AS text) AS kind FROM pg_class "
        "WHERE relname IN ('movement', 'movements', 'nrr_movements', 'later')"
    )
    assert {("public", "movement", "r"), ("public", "later", "r"), ("public", "nrr_movements", "v"), ("nrr", "movements", "v")} == {
        tuple(row.values()) for row in _rows(made, kinds)
    }
    made.dispose()


def test_who_may_make_no_schema_still_has_the_views(postgres_database: str) -> None:
    """A role without CREATE on the database upgrades as before, and the old names are there."""
    import uuid

    import psycopg

    address, role = postgres_database.replace("+psycopg", ""), f"plain_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("DROP SCHEMA IF EXISTS nrr CASCADE")
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'plain'".encode())
        owner.execute(f"GRANT ALL ON SCHEMA public TO {role}".encode())
        for (name,) in owner.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
        ).fetchall():
            owner.execute(f"ALTER TABLE public.{name} OWNER TO {role}".encode())
    made = open_engine(make_url(postgres_database).set(username=role, password="plain").render_as_string(hide_password=False))
    try:
        migrate.upgrade(made)
        assert [] == _rows(made, "SELECT * FROM nrr_customers")
        assert [] == _rows(made, "SELECT nspname FROM pg_namespace WHERE nspname = 'nrr'")
    finally:
        made.dispose()
        with psycopg.connect(address, autocommit=True) as owner:
            owner.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER".encode())
            owner.execute(f"DROP OWNED BY {role}".encode())
            owner.execute(f"DROP ROLE {role}".encode())
