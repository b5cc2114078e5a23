"""Make the golden databases of a release: what it stores of a small made-up business, as `nrr db restore` takes it back.

Run by the release's own code, in a checkout of it, with nothing of today's but this file:

    git archive COMMIT | tar x -C /tmp/then && cd /tmp/then
    PYTHONPATH=. python .../tests/releases/make.py NAME postgresql://… OUT_FOLDER

It reads the business twice (by lists, then by events), makes figures, and writes `NAME.sqlite.zip` and `NAME.postgresql.zip`. The rows of
the figures are in them: what an upgrade must leave as it is.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import psycopg

SIZE: dict[str, Any] = {"customers": 24, "months": 7, "seed": 11}
NRR = "import sys; from worker.cli.main import run; sys.argv[0] = 'nrr'; run()"


def made_up() -> Any:
    """The business, wherever that release keeps its simulator."""
    place = (
        "integrations.sandbox.simulator.business"
        if Path("integrations/sandbox/simulator").exists()
        else "integrations.sandbox.business"
    )
    from integrations.sandbox.sandbox import Sandbox

    return Sandbox(import_module(place).Business(**SIZE))


def lived(database: str, folder: Path) -> None:
    """A database that this release's command line has set up, synced twice, and made figures in."""
    with made_up() as stripe:
        end = stripe.now
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ".",
            "HOME": str(folder),
            "STRIPE_API_KEY": stripe.key,
            "STRIPE_API_BASE": stripe.url,
            "NRR_REQUESTS_PER_SECOND": "5000",
            "NRR_DIMENSIONS": "plan,country",
            "NRR_RATES_URL": "off",
            "DATABASE_URL": database,
            "REPORTING_CURRENCY": "usd",
        }

        def nrr(*arguments: str) -> None:
            subprocess.run([sys.executable, "-c", NRR, *arguments], env=_known(environment), check=True, stdout=subprocess.DEVNULL)

        nrr("db", "upgrade")
        for moment in (end - 20 * 86_400, end + 3 * 86_400):
            stripe.set_now(moment)
            nrr("sync", "--now", datetime.fromtimestamp(moment, UTC).isoformat())


def _known(environment: dict[str, str]) -> dict[str, str]:
    """Without the settings that a release before them would refuse."""
    text = "\n".join(path.read_text() for path in Path("worker").rglob("settings.py"))
    return {name: value for name, value in environment.items() if name != "NRR_RATES_URL" or "rates_url" in text}


def saved(file: Path, database: str, schema: str, rows: dict[str, int], parts: dict[str, bytes]) -> None:
    """A backup in the form that `nrr db restore` takes."""
    about = {"format": 1, "database": database, "schema": schema, "made_at": "2026-11-30T00:00:00+00:00", "rows": rows}
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(parts.items()):
            archive.writestr(name, content)
        archive.writestr("backup.json", json.dumps(about, sort_keys=True, indent=1))


def save_sqlite(place: Path, file: Path) -> None:
    """The file as SQLite copies it."""
    with closing(sqlite3.connect(place)) as held, tempfile.TemporaryDirectory() as folder:
        held.execute(f"VACUUM INTO '{folder}/copy'")
        (schema,) = held.execute("SELECT version_num FROM alembic_version").fetchone()
        names = [n for (n,) in held.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        rows = {n: held.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names if n != "alembic_version"}  # our tables
        saved(file, "sqlite", schema, rows, {"nrr.sqlite3": Path(folder, "copy").read_bytes()})


def save_postgresql(address: str, file: Path) -> None:
    """Each table as COPY writes it."""
    rows, parts = {}, {}
    with psycopg.connect(address) as connection:
        [(schema,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        found = connection.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns "
            "JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version' "
            "GROUP BY table_name ORDER BY table_name = 'job', table_name"
        ).fetchall()
        for name, columns in found:
            named = ", ".join(f'"{each}"' for each in columns)
            with connection.cursor() as cursor:
                with cursor.copy(f'COPY "{name}" ({named}) TO STDOUT') as copy:
                    parts[f"tables/{name}"] = b"".join(bytes(block) for block in copy)
                rows[name] = cursor.rowcount
            parts[f"columns/{name}"] = json.dumps(columns).encode()
    saved(file, "postgresql", schema, rows, parts)


def main(name: str, postgresql: str, out: Path) -> None:
    """Both databases of one release."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "nrr.sqlite3"
        lived(f"sqlite:///{place}", Path(folder))
        save_sqlite(place, out / f"{name}.sqlite.zip")
        lived(postgresql, Path(folder))
        save_postgresql(postgresql, out / f"{name}.postgresql.zip")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
