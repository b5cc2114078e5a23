"""What an earlier release stored is there after an upgrade, on both databases: golden databases made by the releases' own code."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine, select

from integrations.store import backup, migrate
from integrations.store.db.engine import open_engine, read
from integrations.store.figures.schema import rollup
from integrations.store.ledger import bases as ledger_bases
from integrations.store.tables import metadata
from metrics.ledger.basis import Basis
from tests.worker.facts import wiring
from worker.runs import refresh
from worker.runs.verify import verify
from worker.wiring.wiring import Wiring

GOLDEN: Final = Path(__file__).parent / "golden"
RELEASES: Final = ("0001", "0013")
"""By the schema: the first one with a command line, of 28 November 2026, and that of 30 November."""
FIGURES: Final = (
    "kind", "first", "until", "dimension", "segment", "currency", "opening", "expansion", "contraction", "churn", "closing_of_cohort",
    "new", "reactivation", "closing", "fx", "opening_customers", "closing_customers", "retained_customers",
)  # fmt: skip
CHANGED: Final[dict[str, str]] = {}
"""By release, what the CHANGELOG says of figures that a rebuild makes different."""


def golden(release: str, url: str) -> Path:
    """The backup of a release for the kind of database that an address is of."""
    return GOLDEN / f"{release}.{'postgresql' if url.startswith('postgresql') else 'sqlite'}.zip"


def as_it_was(release: str, folder: Path) -> list[tuple[Any, ...]]:
    """The current figures of a release, read out of its file without any of our code."""
    with ZipFile(GOLDEN / f"{release}.sqlite.zip") as archive:
        (folder / "then").write_bytes(archive.read("nrr.sqlite3"))
    with closing(sqlite3.connect(folder / "then")) as held:
        columns = ", ".join(f'"{name}"' for name in FIGURES)
        return sorted(held.execute(f'SELECT {columns} FROM rollup WHERE "current"'))  # names from above


def figures(engine: Engine) -> list[tuple[Any, ...]]:
    """The current figures, days as text. A segment that is no more holds nothing."""
    with read(engine) as connection:
        found = connection.execute(select(*(rollup.c[name] for name in FIGURES)).where(rollup.c.current)).all()
    return sorted(
        tuple(str(value) if name in ("first", "until") else value for name, value in zip(FIGURES, row, strict=True))
        for row in found
    )


def wired(engine: Engine, now: int) -> Wiring:
    """A process of today's on the database, set up as the release was, at the moment at which the release last made figures."""
    from datetime import UTC, datetime

    made = wiring(engine, datetime.fromtimestamp(now, UTC).isoformat(), Basis())
    return replace(made, dimensions=("plan", "country"), reporting_currency="usd")


def derived_until(engine: Engine) -> int:
    """The moment up to which the release's ledger was derived."""
    with read(engine) as connection:
        return next(int(row.derived_until or 0) for row in ledger_bases.everything(connection).values())


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """One release after the other."""
    return str(request.param)


@pytest.fixture
def upgraded(release: str, database_url: str) -> Engine:
    """A release's database, upgraded."""
    engine = open_engine(database_url)
    told = backup.restore(engine, golden(release, database_url))
    assert release == told.schema
    return engine


def test_an_upgrade_leaves_every_figure_and_fact(release: str, upgraded: Engine, tmp_path: Path) -> None:
    """The newest schema, complete; every row of every table of then is there, and the figures are those of then to the micro."""
    with read(upgraded) as connection:
        assert migrate.head() == migrate.current(connection)
        assert [] == migrate.differences(connection)
        told = backup.look(golden(release, str(upgraded.url)))
        for name, rows in told.rows.items():
            if name in metadata.tables and name not in ("worker", "touched"):
                assert (name, rows) == (name, len(connection.execute(select(metadata.tables[name])).all()))
    was = as_it_was(release, tmp_path)
    assert len(was) > 100
    assert was == figures(upgraded)
    upgraded.dispose()


def test_figures_made_anew_are_those_of_then(release: str, upgraded: Engine, tmp_path: Path) -> None:
    """Today's code makes the same figures of the facts of then, from zero; where it doesn't, the CHANGELOG says so."""
    was = as_it_was(release, tmp_path)
    process = wired(upgraded, derived_until(upgraded))
    assert "done" == refresh.derive(process, rebuild=True).status
    assert "done" == refresh.rollup(process, rebuild=True)[0].status
    now = figures(upgraded)
    different = sorted(set(was) ^ set(now))
    if release in CHANGED:
        assert different, f"nothing is different any more: take {release} out of CHANGED"
        assert CHANGED[release] in " ".join(Path("CHANGELOG.md").read_text().split())
    else:
        assert [] == different[:10]
    assert () == verify(process).problems
    upgraded.dispose()


def test_the_golden_files_are_small_and_hold_no_key() -> None:
    """They are in everybody's checkout: below 400 kB each, and nothing in them looks like a secret."""
    for file in sorted(GOLDEN.iterdir()):
        assert file.stat().st_size < 400_000
        with ZipFile(file) as archive:
            assert archive.testzip() is None
            content = b"".join(archive.read(name) for name in archive.namelist())
        assert not [word for word in (b"sk_test", b"sk_live", b"password") if word in content]
        assert json.loads(ZipFile(file).read("backup.json"))["schema"] in RELEASES
