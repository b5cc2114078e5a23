"""What a command doesn't need it doesn't load: whoever only looks waits for no engine, and not for Stripe's SDK."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.cli.command import bare_environment
from tests.worker.cli.conftest import Concern

_SCRIPT = """
import sys
sys.argv = ["nrr", *{arguments!r}]
from worker.cli.main import run
code = 0
try:
    run()
except SystemExit as end:
    code = end.code
print("code", code, file=sys.stderr)
print("loaded", *sorted(set(sys.modules) & {heavy!r}), file=sys.stderr)
"""
DATABASE = {"sqlalchemy", "psycopg"}
READING = {"stripe", "requests", "urllib3", "redis", "celery"}
SERVER = {"psycopg", "sqlalchemy.dialects.postgresql"}
WORK = {"worker.execution.crew", "worker.ingest.plan", "integrations.stripe.streams"}
ENGINE = {"polars", "metrics.evidence", "metrics.entries", "integrations.store.ledger.write", "integrations.store.backup"}
HEAVY = {
    *DATABASE,
    *SERVER,
    *READING,
    *ENGINE,
    *WORK,
    "alembic",
    "mako",
    "matplotlib",
    "currency_converter",
    "slack_sdk",
    "numpy",
    "jinja2",
}
HEAVY |= {"structlog", "attr", "pygments", "integrations.store.tables", "integrations.store.views.declared"}
HEAVY |= {"babel", "pydantic_settings", "urllib.request", "worker.queries.figures", "worker.cli.backtest"}
"""What takes tens of milliseconds of processor time each, and most commands have no use for."""


def _loaded(arguments: list[str], folder: Path, environment: dict[str, str]) -> set[str]:
    """What of the heavy ones a process of its own has loaded when the command is done, which must end well."""
    script = _SCRIPT.format(arguments=arguments, heavy=HEAVY)
    here = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": here},
        cwd=folder,
        timeout=120,
        check=True,
    )
    *said, code, loaded = done.stderr.splitlines()
    assert "code 0" == code, said
    return set(loaded.split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "show"], ["config", "--help"], ["show", "--help"]])
def test_what_is_not_needed_is_not_loaded(tmp_path: Path, arguments: list[str]) -> None:
    """Held by what is imported, which is the same on every machine, and not by the time that it takes."""
    environment = {**bare_environment(), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "XDG_CONFIG_HOME": str(tmp_path)}
    assert set() == _loaded(arguments, tmp_path, environment)


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["runs"], {"sqlalchemy"}),
        pytest.param(["runs", "--json"], {"sqlalchemy"}, marks=pytest.mark.long),
        pytest.param(["runs", "--audit"], {"sqlalchemy"}, marks=pytest.mark.long),
        (["alerts", "list"], {"sqlalchemy"}),
        pytest.param(["alerts", "history"], {"sqlalchemy"}, marks=pytest.mark.long),
        (["show", "mrr"], {"sqlalchemy"}),
        pytest.param(["show", "nrr"], {"sqlalchemy", "worker.queries.figures"}, marks=pytest.mark.long),
        pytest.param(["show", "findings"], {"sqlalchemy", "polars", "metrics.evidence"}, marks=pytest.mark.long),
        ([], {"sqlalchemy", "worker.queries.figures"}),
    ],
    ids=lambda each: " ".join(each) or "nrr" if isinstance(each, list) else "",
)
def test_who_only_looks_loads_the_database_and_no_more(concern: Concern, arguments: list[str], needed: set[str]) -> None:
    """No SDK where nothing is read from Stripe, no migrations where none is due, no engine where no figure is made, no other database's driver."""
    assert set() == _loaded(arguments, concern.folder, concern.environment) - needed
