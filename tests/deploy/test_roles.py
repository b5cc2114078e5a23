"""The three roles on a real PostgreSQL, made as a managed one would have it: by an administrator who is no superuser, for an owner who can make no
roles. What they may do is tried, and what they may not."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.faults.plant import ROOT
from tests.services.postgres import Postgres, binaries
from tests.worker.cli.command import bare_environment, in_process

SCRIPTS = ROOT / "deploy" / "postgres"
PSQL = shutil.which("psql") or next((str(each) for each in [binaries() / "psql"] if each.exists()), None)
pytestmark = pytest.mark.skipif(PSQL is None, reason="this machine has no psql, with which the scripts are run")


@dataclass
class Server:
    """A server of its own: roles are of a whole server."""

    postgres: Postgres

    def url(self, role: str, database: str = "nrr") -> str:
        """Where a role logs in."""
        return self.postgres.dsn(database).replace("nrr@", f"{role}@")

    def run(self, role: str, script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """A script as a role, by psql."""
        assert PSQL is not None
        words = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
        return subprocess.run(
            [PSQL, self.url(role), "-q", *words, "-f", str(SCRIPTS / script)], capture_output=True, text=True, timeout=60, cwd="/"
        )

    def refused(self, role: str, statement: str) -> bool:
        """Whether the server refuses a statement of a role for want of rights."""
        try:
            with psycopg.connect(self.url(role)) as connection:
                connection.execute(statement.encode())
                connection.rollback()
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
            return True
        return False


PASSWORDS = {f"{role}_password": f"it's {role}" for role in ("owner", "app", "read")}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose administrator may make roles and databases, and nothing more."""
    made = Server(Postgres())
    made.postgres.start()
    with psycopg.connect(made.postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE admin LOGIN CREATEROLE CREATEDB")
    with psycopg.connect(made.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE nrr")
    yield made
    made.postgres.stop()


@pytest.mark.long
def test_an_installation_lives_with_three_roles(server: Server, tmp_path: Path) -> None:
    """Made by the administrator, migrated by the owner, read into by the application, looked at by the reader; each again, as after an upgrade."""

    with Sandbox(Business(customers=12, months=4, seed=3)) as stripe:

        def nrr(role: str, *arguments: str) -> str:
            told = {"DATABASE_URL": server.url(role), "STRIPE_API_KEY": stripe.key, "STRIPE_API_BASE": stripe.url}
            done = in_process(*arguments, folder=tmp_path, environment={**bare_environment(), **told})
            assert 0 == done.code, done.err
            return done.out

        for _ in range(2):
            made = server.run("admin", "roles.sql", database="nrr", **PASSWORDS)
            assert (0, "") == (made.returncode, made.stderr)
            nrr("nrr_owner", "db", "upgrade")
            granted = server.run("nrr_owner", "grants.sql")
            assert (0, "") == (granted.returncode, granted.stderr)
            nrr("nrr_app", "sync")
        nrr("nrr_app", "verify")
        nrr("nrr_app", "show", "mrr")

    with psycopg.connect(server.postgres.dsn("nrr")) as connection:
        rights = "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname LIKE 'nrr\\_%' ORDER BY 1"
        assert [(name, False, False, False) for name in ("nrr_app", "nrr_owner", "nrr_read")] == connection.execute(
            rights
        ).fetchall()
        kept = "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'nrr\\_%' AND rolpassword LIKE 'SCRAM%'"
        assert (3,) == connection.execute(kept).fetchone()
        views = connection.execute(
            "SELECT format('%I.%I', schemaname, viewname) FROM pg_views WHERE viewowner = 'nrr_owner'"
        ).fetchall()
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE tableowner = 'nrr_owner'").fetchall()
    assert len([view for (view,) in views if view.startswith("nrr.")]) > 5
    for (view,) in views:
        assert not server.refused("nrr_read", f"SELECT * FROM {view} LIMIT 1"), view
    for (table,) in tables:
        assert server.refused("nrr_read", f'SELECT * FROM "{table}" LIMIT 1'), table
        assert server.refused("nrr_app", f'DROP TABLE "{table}"'), table
    with psycopg.connect(server.url("nrr_read")) as connection:
        assert connection.execute("SELECT count(*) FROM nrr_movements").fetchone() != (0,)
    for role in ("nrr_app", "nrr_read"):
        assert server.refused(role, "CREATE TABLE mine (x int)")
        assert server.refused(role, "CREATE SCHEMA mine")
        assert server.refused(role, "CREATE ROLE mine")
    assert server.refused("nrr_app", "UPDATE alembic_version SET version_num = 'x'")
    assert server.refused("nrr_owner", "CREATE ROLE mine")


def _installed(server: Server, folder: Path) -> None:
    """Roles, schema and rights as an installation has them, whichever test comes first."""
    assert 0 == server.run("admin", "roles.sql", database="nrr", **PASSWORDS).returncode
    told = {**bare_environment(), "DATABASE_URL": server.url("nrr_owner"), "STRIPE_API_KEY": "rk_test_1"}
    assert 0 == in_process("db", "upgrade", folder=folder, environment=told).code
    assert 0 == server.run("nrr_owner", "grants.sql").returncode


def test_what_a_login_may_not_do_is_told_with_whose_it_is(server: Server, tmp_path: Path) -> None:
    """Where nothing is due, init and upgrade are good for the application's login too; what is the owner's is refused in a sentence."""
    _installed(server, tmp_path)

    def nrr(role: str, *arguments: str) -> tuple[int, str]:
        environment = {**bare_environment(), "DATABASE_URL": server.url(role), "STRIPE_API_KEY": "rk_test_1"}
        done = in_process(*arguments, folder=tmp_path, environment=environment)
        return done.code, done.err

    assert 0 == nrr("nrr_app", "init")[0]
    assert 0 == nrr("nrr_app", "db", "upgrade")[0]
    for command in (("db", "upgrade"), ("rollup",)):
        code, said = nrr("nrr_read", *command)
        assert 1 == code
        assert "login may not do that" in said
        assert "--owner db upgrade" in said


def test_a_role_that_others_had_already_stays_theirs(server: Server, tmp_path: Path) -> None:
    """Whoever may not make roles is refused before anything is changed."""
    _installed(server, tmp_path)
    failed = server.run("nrr_app", "roles.sql", database="nrr", **PASSWORDS)
    assert 0 != failed.returncode
