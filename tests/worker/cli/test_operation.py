"""Backfills, nights, runs and health as a user runs them: what they print, in words and as JSON, and how they end."""

from pathlib import Path
from typing import Any

import pytest

from integrations.sandbox.sandbox import Sandbox
from tests.worker.cli.command import Done, Run

Nrr = Any


@pytest.fixture
def here(nrr: Run, stripe: Sandbox, tmp_path: Path) -> Nrr:
    """`nrr` with a migrated database and the sandbox's key."""
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'nrr.sqlite3'}",
        "STRIPE_API_KEY": stripe.key,
        "STRIPE_API_BASE": stripe.url,
    }

    def run(*arguments: str) -> Done:
        return nrr(*arguments, **environment)

    assert 0 == run("db", "upgrade").code
    return run


@pytest.mark.long
def test_a_backfill_from_plan_to_end(here: Nrr) -> None:
    """A plan and a trial write nothing; the run tells what it read; status and runs know of it; nothing is left to resume or cancel."""
    plan = here("backfill", "plan", "--since", "2024-03", "--streams", "invoices,events", "--json")
    assert 0 == plan.code, plan.err
    [account] = plan.json["accounts"]
    assert (None, {"invoices", "events"}) == (account["subscriptions_held"], {each["stream"] for each in account["lists"]})
    trial = here("backfill", "run", "--dry-run", "--json")
    assert 0 == trial.code, trial.err
    assert trial.json["dry_run"] is True
    assert 40 <= trial.json["objects"]["customers"]
    changed = {(each["kind"], each["currency"]): each for each in trial.json["changes"]}
    assert changed
    assert all(each["before"] is None for each in changed.values())
    assert 1 == here("backfill", "status").code
    done = here("backfill", "run", "--shards", "4", "--json")
    assert 0 == done.code, done.err
    assert ("done", trial.json["objects"]["invoices"]) == (done.json["status"], done.json["objects"]["invoices"])
    status = here("backfill", "status", "--json").json["backfill"]
    assert ("done", 1.0, 0) == (status["status"], min(each["share"] for each in status["streams"]), status["quarantined"])
    assert "100%" in here("backfill", "status").out
    for word in ("resume", "cancel"):
        ended = here("backfill", word)
        assert 1 == ended.code
        assert f"there is no backfill to {word}" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--streams", "subscriptionz"], "unknown streams: subscriptionz"),
        (["--since", "2024-05-01", "--until", "2024-04-01"], "must end after it begins"),
        (["--since", "yesterday"], "--since takes an instant"),
        (["--account", "nobody"], "no account is called nobody"),
    ],
)
def test_a_senseless_backfill_is_exit_2(here: Nrr, words: list[str], said: str) -> None:
    """What is wrong is said before anything is asked of Stripe."""
    done = here("backfill", "run", *words)
    assert 2 == done.code
    assert said in done.err


@pytest.mark.long
def test_a_night_its_run_and_the_health_afterwards(here: Nrr) -> None:
    """Without Redis: one command brings the day up to date; `runs` shows it with freshness; no worker is known, and health says so."""
    night = here("nightly", "--json")
    assert 0 == night.code, night.err
    assert "done" == night.json["status"]
    assert "no day is missing" in here("nightly").out
    runs = here("runs", "--json").json
    assert ["sync", "nightly", "sync"] == [run["kind"] for run in runs["runs"]]
    assert {"due": 0, "leased": 0} == {name: runs["freshness"]["jobs"].get(name, 0) for name in ("due", "leased")}
    assert night.json["through"] == runs["freshness"]["nightly_through"]
    shown = here("runs", "show", str(night.json["run"]), "--json").json
    assert {"plan", "derive_plan", "rollup_plan", "tidy"} <= {job["kind"] for job in shown["jobs"]}
    assert {"done"} == {job["status"] for job in shown["jobs"]}
    assert "nightly run: through" in here("runs").out
    wrong = here("runs", "--kind", "syncs")
    assert (2, "", True) == (wrong.code, wrong.out, "--kind takes sync, backfill" in wrong.err)
    assert "rollup_plan" in here("runs", "show", str(night.json["run"])).out
    assert 2 == here("runs", "show", "999").code
    health = here("health", "--json")
    assert (1, False) == (health.code, health.json["ok"])
    everywhere = here("health", "--all")
    assert 1 == everywhere.code
    assert "no worker is known" in everywhere.out


def test_a_database_without_a_schema_is_exit_10(nrr: Run, stripe: Sandbox, tmp_path: Path) -> None:
    """Whatever is asked, with the command that helps."""
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
        "STRIPE_API_KEY": stripe.key,
        "STRIPE_API_BASE": stripe.url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    for words in (["backfill", "status"], ["nightly"], ["runs"], ["health"], ["worker"], ["beat"]):
        done = nrr(*words, **environment)
        assert 10 == done.code, (words, done.err)
        assert "nrr db upgrade" in done.err
