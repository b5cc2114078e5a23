"""What a command doesn't need it doesn't load: whoever only looks at settings waits for no database driver and no engine."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.cli.command import bare_environment

_SCRIPT = """
import sys
sys.argv = ["nrr", *{arguments!r}]
from worker.cli.main import run
try:
    run()
except SystemExit:
    pass
print(*sorted(set(sys.modules) & {heavy!r}), file=sys.stderr)
"""
HEAVY = {"sqlalchemy", "psycopg", "polars", "alembic", "celery", "redis", "matplotlib", "currency_converter", "slack_sdk", "numpy"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "show"], ["config", "--help"], ["show", "--help"]])
def test_what_is_not_needed_is_not_loaded(tmp_path: Path, arguments: list[str]) -> None:
    """Held by what is imported, which is the same on every machine, and not by the time that it takes."""
    script = _SCRIPT.format(arguments=arguments, heavy=HEAVY)
    environment = {**bare_environment(), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
        timeout=120,
        check=True,
    )
    assert set() == set(done.stderr.split()) & HEAVY
