"""An installation whose host answers with objects of the other mode: the run ends with a sentence, and nothing of such a page is stored."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from integrations.sandbox.api.faults import Fault
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import open_engine
from tests.faults.plant import ROOT


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small business of its own for each test: faults are placed in it."""
    with Sandbox(Business(customers=6, months=3, seed=31)) as found:
        yield found


@pytest.mark.parametrize(
    "stream", ["subscriptions", *(pytest.param(each, marks=pytest.mark.long) for each in ("customers", "invoices"))]
)
def test_the_run_ends_with_exit_12(stream: str, tmp_path: Path, sandbox: Sandbox) -> None:
    """One object of live mode on a page: exit 12, the account, the object and the next step are named, and the page is not stored."""
    address = f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    engine = open_engine(address)
    migrate.upgrade(engine)
    engine.dispose()
    [first] = requests.get(f"{sandbox.url}/v1/{stream}", {"limit": 1}, auth=(sandbox.key, ""), timeout=10).json()["data"]
    one = str(first["id"])
    sandbox.faults.add(Fault("poison", f"/v1/{stream}", times=None, object_id=one, how="mode"))
    environment = {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ.get("PATH", ""),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "DATABASE_URL": address,
        "STRIPE_API_BASE": sandbox.url,
        "STRIPE_API_KEY": sandbox.key,
    }
    code = "import sys; sys.argv[0] = 'nrr'; from worker.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "sync"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert 12 == done.returncode, done.stderr
    assert f"{one} is of live mode, but the account 'default' is read in test mode" in done.stderr
    assert "nrr doctor" in done.stderr
    table, column = {
        "customers": ("customer_state", "customer_id"),
        "subscriptions": ("subscription_state", "subscription_id"),
        "invoices": ("invoice", "invoice_id"),
    }[stream]
    with create_engine(address).connect() as connection:
        held = set(connection.execute(text(f"SELECT {column} FROM {table}")).scalars())
    assert one not in held
    if stream != "subscriptions":  # ended ones have a list of their own, on which it isn't
        assert not held
