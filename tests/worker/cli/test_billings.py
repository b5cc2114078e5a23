"""`nrr show billings` against a small world: what scripts rely on, and what people read."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import Engine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script
from integrations.store.db.engine import begin
from integrations.store.work import key_value
from metrics.billings.shares import Share
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from tests.integrations.sandbox.asking import every
from tests.worker.cli.command import Done, bare_environment, in_process
from worker.cli import billings as cli
from worker.cli import doctor_checks, doctor_data
from worker.cli.common import Context
from worker.figures.proof import REMEMBERED
from worker.queries.billings import Billed, Billings
from worker.queries.session import Session

Nrr = Callable[..., Done]
NOW = "2024-06-15T00:00:00Z"


def scripts() -> tuple[Script, ...]:
    """A subscriber of 50.00 a month with a setup fee, one billed by Metronome too, and one with a contract and a credit note alone."""
    return (
        Script("fee").subscribe("2024-03-05", "price_team_monthly", 2, setup_fee=True),
        Script("metered by others")
        .subscribe("2024-03-07", "price_team_monthly", 1)
        .charge("2024-04-20", 30_000, 20_000, mark="metronome")
        .charge("2024-05-20", 10_000, mark="metronome"),
        Script("contract").charge("2024-04-02", 40_000, mark="contract").credit("2024-05-03", 25),
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nrr, Sandbox]]:
    """Read and rolled up."""
    folder = tmp_path_factory.mktemp("billings")
    business = Business(customers=0, months=6, scripts=scripts())
    with Sandbox(business, now=NOW) as sandbox:
        environment = {
            **bare_environment(),
            "DATABASE_URL": f"sqlite:///{folder}/nrr.sqlite3",
            "XDG_CONFIG_HOME": str(folder),
            "STRIPE_API_BASE": sandbox.url,
            "STRIPE_API_KEY": sandbox.key,
            "NO_COLOR": "1",
        }

        def run(*arguments: str) -> Done:
            return in_process(*arguments, folder=folder, environment=environment)

        for command in (("db", "upgrade"), ("sync",), ("rollup",)):
            assert 0 == run(*command).code, command
        yield run, sandbox


def shown(nrr: Nrr, *more: str) -> Done:
    """What is shown of March to May."""
    return nrr("show", "billings", "--from", "2024-03", "--to", "2024-05", "--now", NOW, *more)


def test_classes_by_month_add_up_to_stripes_totals(world: tuple[Nrr, Sandbox]) -> None:
    """To the minor unit, and with the share outside and what lies behind it."""
    nrr, sandbox = world
    found = shown(nrr, "--json").json
    billed = [i for i in every(sandbox, "/v1/invoices") if i["status"] in ("open", "paid") and i["created"] < 1_717_200_000]
    notes = [n for n in every(sandbox, "/v1/credit_notes") if n["status"] == "issued"]
    [whole] = found["currencies"]
    assert 10_000 * (sum(i["total"] for i in billed) - sum(n["total"] for n in notes)) == whole["total_micros"]
    assert whole["total_micros"] == sum(month["total_micros"] for month in found["months"])
    assert ["2024-03-01", "2024-04-01", "2024-05-01"] == [month["from"] for month in found["months"]]
    april = found["months"][1]
    assert 900_000_000 == april["classes"]["outside"]["amount_micros"]
    assert {"metronome": 2, "contract": 1} == {each["mark"]: each["lines"] for each in april["beside_subscriptions"]}
    assert -100_000_000 == found["months"][2]["classes"]["credit_note"]["amount_micros"]
    outside, invoiced = whole["outside_micros"], whole["invoiced_micros"]
    assert (1_000_000_000, round(outside / invoiced, 6)) == (outside, whole["outside_share"])
    assert ["600.00", "400.00"] == [each["outside"] for each in found["largest_outside"]]


@pytest.mark.long
def test_for_people(world: tuple[Nrr, Sandbox]) -> None:
    """The table names the classes, the total and the share; what isn't seen at all is said."""
    nrr, _ = world
    done = shown(nrr)
    for words in (
        "subscriptions",
        "one-off",
        "outside subscriptions",
        "credit notes",
        "total",
        "share outside",
        "invoices by Metronome",
    ):
        assert words in done.out, words
    assert "contracts (named in metadata)" in done.out
    assert "of what you invoice in USD" in done.err
    assert "Payment Links" in done.err


@pytest.mark.parametrize(("by", "key"), [("customer", "customers"), ("product", "products")])
def test_by_customer_and_product(world: tuple[Nrr, Sandbox], by: str, key: str) -> None:
    """Their sums are those of the classes; a list that is cut says how much is left."""
    nrr, _ = world
    whole, found = shown(nrr, "--json").json["currencies"][0], shown(nrr, "--by", by, "--json").json
    assert whole["invoiced_micros"] == sum(each["billed_micros"] for each in found[key])
    cut = shown(nrr, "--by", by, "--limit", "1", "--json").json
    assert (1, len(found[key]) - 1) == (len(cut[key]), cut["more"])
    assert "more:" in shown(nrr, "--by", by, "--limit", "1").out


def test_wrong_words_are_named(world: tuple[Nrr, Sandbox]) -> None:
    """A usage error with what there is."""
    nrr, _ = world
    done = shown(nrr, "--by", "country")
    assert (2, True) == (done.code, "class, customer, product" in done.err)
    assert 2 == nrr("show", "billings", "--from", "2024-05", "--to", "2024-03").code


@pytest.mark.long
def test_verify_proves_the_ledger_by_what_was_billed(world: tuple[Nrr, Sandbox]) -> None:
    """Nothing is unexplained: exit 0, with how many months agree; the nightly figure is there for doctor."""
    nrr, _ = world
    done = nrr("verify", "--billings", "--now", NOW, "--json")
    assert (0, True, []) == (done.code, done.json["ok"], done.json["unexplained"])
    assert {"usd": 0.0} == done.json["unexplained_share"]
    assert done.json["compared"] > 0
    assert "agree to the minor unit a line" in nrr("verify", "--billings", "--now", NOW).out
    said = nrr("doctor", "--now", NOW).out
    assert "nrr sees of what you invoiced in 2024-05" in said
    assert "invoices by Metronome" in said
    assert "what was invoiced for 2024-05 explains the ledger's MRR" in said


def test_the_export_has_every_amount(world: tuple[Nrr, Sandbox]) -> None:
    """By customer and class; its sums are those that are shown."""
    nrr, _ = world
    done = nrr("export", "billings", "--format", "jsonl", "--out", "-", "--from", "2024-03", "--to", "2024-05", "--now", NOW)
    rows = [json.loads(line) for line in done.out.splitlines()]
    classes = shown(nrr, "--json").json["currencies"][0]["classes"]
    for name, each in classes.items():
        assert each["amount_micros"] == sum(r["micros"] for r in rows if r["class"] == name), name
    assert [(row["micros"] / 1_000_000, row["micros"]) for row in rows] == [(row["amount"], row["amount_micros"]) for row in rows]


def test_doctor_names_what_was_billed_where_the_ledger_has_nothing(engine: Engine) -> None:
    """A currency without any MRR has no share to name, and is not explained by that."""
    session = Session(engine, Basis(), Instant(1_750_000_000))
    kept = {"month": "2025-05-01", "basis": session.basis.version, "unexplained": {"jpy": [5, 0]}, "customers": ["cus_1"]}
    with begin(engine) as connection:
        key_value.put(connection, REMEMBERED, kept)
    found = doctor_data._proof(cast("Context", SimpleNamespace(session=session)))
    assert (doctor_checks.NOTE, True) == (
        found.state,
        "all that was billed in JPY, in which the ledger has no MRR (cus_1)" in found.detail,
    )


def test_what_may_lie_outside_or_not_is_said() -> None:
    """The share takes lines that can't be told, and what no line accounts for, for nothing outside: who reads it must know."""
    said: list[str] = []
    first, until = date(2025, 5, 1), date(2025, 6, 1)
    amounts = {"subscription": 90_000_000, "untold": 10_000_000, "difference": -2_000_000}
    whole = Billed("usd", first, until, amounts, {}, {}, Share(0, 100_000_000), ())
    cli._notes(Billings(first, until, (), (whole,), ()), cast("Context", SimpleNamespace(say=said.append)))
    assert "nrr sees 100.00 % of what you invoice in USD" == said[0]
    assert said[1].endswith("counts none of it as outside: 10.00 USD can't be told, −2.00 USD not accounted for"), said[1]
    said.clear()
    certain = replace(whole, amounts={"subscription": 90_000_000})
    cli._notes(Billings(first, until, (), (certain,), ()), cast("Context", SimpleNamespace(say=said.append)))
    assert not [each for each in said if "isn't known" in each]
