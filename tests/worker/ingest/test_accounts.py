"""Several Stripe accounts in one installation: each with its own key, mode, marks and limit; none is ever taken for another."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.sandbox.api.faults import Fault
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import open_engine, read
from integrations.store.facts import accounts
from integrations.store.facts.accounts import AccountRefused
from integrations.store.work import cursors, runs
from integrations.stripe.errors import Refused
from integrations.stripe.page import AccountInfo
from integrations.stripe.reader import Reader
from tests.faults.plant import ROOT
from tests.integrations.store import dump
from worker.config.load import isolated
from worker.runs import nightly, steps
from worker.wiring.wiring import Wiring, open_wiring


@pytest.fixture(scope="module")
def europe() -> Iterator[Sandbox]:
    """One business."""
    with Sandbox(Business(customers=8, months=4, seed=21)) as found:
        yield found


@pytest.fixture(scope="module")
def america() -> Iterator[Sandbox]:
    """Another one."""
    with Sandbox(Business(customers=9, months=4, seed=22)) as found:
        yield found


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A migrated database."""
    url = f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


def wired(over: ExitStack, address: str, **tables: Mapping[str, Any]) -> Wiring:
    """An installation of these accounts."""
    wiring = open_wiring(isolated({"database_url": SecretStr(address), "accounts": tables}).settings)
    over.callback(wiring.close)
    return wiring


def of(stripe: Sandbox, **more: Any) -> dict[str, Any]:
    """How an account is set."""
    return {"api_key": SecretStr(stripe.key), "api_base": stripe.url, **more}


def content(wiring: Wiring) -> list[str]:
    """Everything that is stored, with the accounts and the number of runs."""
    with read(wiring.engine) as connection:
        bound = [f"{row.id} {row.name} {row.stripe_id} {row.livemode}" for row in accounts.everything(connection)]
        return [*dump.canonical(connection), *bound, str(len(runs.latest(connection, limit=1000)))]


def test_each_has_its_own_marks_and_facts(address: str, europe: Sandbox, america: Sandbox) -> None:
    """Two accounts in one database: a run each, marks each, and customers that are told apart."""
    with ExitStack() as over:
        wiring = wired(over, address, eu=of(europe), us=of(america))
        assert "done" == steps.sync(wiring).status
        with read(wiring.engine) as connection:
            bound = {row.name: row.id for row in accounts.everything(connection)}
            assert {"eu", "us"} == set(bound)
            marks = [set(cursors.of_account(connection, account)) for account in bound.values()]
            assert marks[0] == marks[1]
            assert 2 == len(runs.latest(connection, kind="sync"))
        lines = content(wiring)
        for name, customers in (("eu", 8), ("us", 9)):
            found = [line for line in lines if '"table": "customer_state"' in line and f'"account": {bound[name]},' in line]
            assert customers <= len(found)


def test_one_account_more_changes_nothing_of_the_others(address: str, tmp_path: Path, europe: Sandbox, america: Sandbox) -> None:
    """Facts of the first are what they are without the second."""
    alone = f"sqlite:///{tmp_path / 'alone.sqlite3'}"
    engine = open_engine(alone)
    migrate.upgrade(engine)
    engine.dispose()
    with ExitStack() as over:
        steps.sync(wired(over, alone, eu=of(europe)))
        wanted = [line for line in content(wired(over, alone, eu=of(europe))) if '"account": 1,' in line]
        wiring = wired(over, address, eu=of(europe), us=of(america))
        steps.sync(wiring, accounts=["eu"])
        steps.sync(wiring, accounts=["us"])
        assert wanted == [line for line in content(wiring) if '"account": 1,' in line]


def test_a_key_of_another_account_is_refused_before_anything_is_written(address: str, europe: Sandbox, america: Sandbox) -> None:
    """The key under a name that stands for another account: not a byte changes, and the message names both."""
    with ExitStack() as over:
        steps.sync(wired(over, address, eu=of(europe)))
        swapped = wired(over, address, eu=of(america))
        before = content(swapped)
        with pytest.raises(AccountRefused, match=f"belongs to {america.business.account} .* is {europe.business.account}"):
            steps.sync(swapped)
        with pytest.raises(AccountRefused):
            nightly.run(swapped)
        assert before == content(swapped)


def test_an_account_that_the_settings_say_is_another_is_refused(address: str, europe: Sandbox) -> None:
    """`stripe_id` in the settings is held against what the key says."""
    with ExitStack() as over:
        wiring = wired(over, address, eu=of(europe, stripe_id="acct_somebody_else"))
        before = content(wiring)
        with pytest.raises(AccountRefused, match="the settings say that it is acct_somebody_else"):
            steps.sync(wiring)
        assert before == content(wiring)


def test_live_and_test_never_mix(address: str, europe: Sandbox) -> None:
    """A live key is refused in a database that holds test data, under its own name and under any other."""
    with ExitStack() as over:
        steps.sync(wired(over, address, eu=of(europe)))
        live = over.enter_context(Sandbox(Business(customers=3, months=2, seed=23), key="sk_live_0123456789abcdef"))
        same = over.enter_context(Sandbox(europe.business, key="sk_live_0123456789abcdef"))
        for table in ({"us": of(live)}, {"eu": of(same)}, {"eu2": of(same)}):
            wiring = wired(over, address, **table)
            before = content(wiring)
            with pytest.raises(AccountRefused, match="live"):
                steps.sync(wiring)
            assert before == content(wiring)


@pytest.mark.long
def test_one_account_whose_key_was_revoked_keeps_no_other_waiting(address: str, europe: Sandbox, america: Sandbox) -> None:
    """The night goes on for the others; the run says what is wrong, and is taken up when the key is good again."""
    with ExitStack() as over:
        tables = {"eu": of(europe), "us": of(america)}
        steps.sync(wired(over, address, **tables))
        number = europe.faults.add(Fault("unauthorized", "/v1/", times=None))
        over.callback(europe.faults.clear)
        wiring = wired(over, address, **tables)
        report = nightly.run(wiring)
        assert report is not None
        assert "failed" == report.status
        with read(wiring.engine) as connection:
            [night] = runs.latest(connection, kind="nightly")
            assert (night.result or {})["jobs"]["quarantined"] >= 1
        assert '"table": "movement"' in "".join(content(wiring))
        europe.faults.remove(number)
        again = nightly.run(wired(over, address, **tables))
        assert again is not None
        assert (report.run_id, "done") == (again.run_id, again.status)


@pytest.mark.long
def test_a_refused_key_is_exit_12_on_the_command_line(address: str, tmp_path: Path, europe: Sandbox) -> None:
    """And a sentence that says what to do, without the key in it."""
    environment = {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ.get("PATH", ""),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "DATABASE_URL": address,
        "STRIPE_API_BASE": europe.url,
        "STRIPE_API_KEY": "sk_test_thisisthewrongkey",
    }
    code = "import sys; sys.argv[0] = 'nrr'; from worker.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "sync"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert 12 == done.returncode, done.stderr
    assert "Stripe refused the key" in done.stderr
    assert "thisisthewrongkey" not in done.stderr + done.stdout


def test_the_reason_is_the_readers_own(address: str, europe: Sandbox) -> None:
    """With one account only, a refused key is raised as such."""
    with ExitStack() as over:
        wiring = wired(over, address, eu={"api_key": SecretStr("sk_test_wrongwrong"), "api_base": europe.url})
        with pytest.raises(Refused):
            steps.sync(wiring)


def test_a_key_checked_a_moment_ago_is_not_checked_again(address: str, europe: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync asks once whose key it is; after a while, or with another key, it is asked again."""
    with ExitStack() as over:
        wiring = wired(over, address, eu=of(europe))
        reader = wiring.sources.named("eu")
        asked: list[str] = []
        told = reader.account

        def counted(self: Reader) -> AccountInfo:
            asked.append(self.key_digest)
            return told()

        monkeypatch.setattr(Reader, "account", counted)
        assert "done" == steps.sync(wiring).status
        assert 1 == len(asked)
        monkeypatch.setattr("worker.ingest.accounts.A_MOMENT_SECONDS", 0.0)
        assert wiring.sources.bind("eu") == wiring.sources.bound("eu")
        assert 3 == len(asked)
