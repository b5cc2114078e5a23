"""Every invoiced cent has a place: the classes add up to what the sandbox's invoices and credit notes say that they come to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.random_scenarios import FEATURES, MORE
from integrations.sandbox.simulator.scenario import Script
from integrations.store.db.engine import begin, read
from integrations.store.figures import billings as store
from integrations.store.figures import proof as store_proof
from metrics.billings import classes
from metrics.billings.classify import classified
from tests.integrations.sandbox.asking import every
from tests.stories.living import DEFAULT, opened, synced, wired
from worker.figures import billings
from worker.figures.proof import proof_of_billings
from worker.runs import refresh


def month_ends() -> Iterator[Script]:
    """Monthly subscribers of the 28th to the 31st, whose quantity rises and falls in February, in a leap year and the year after."""
    changes = ("2024-02-10T09:00:00Z", 5), ("2024-02-22T15:00:00Z", 2), ("2025-02-05T12:00:00Z", 6), ("2025-02-20T09:00:00Z", 3)
    for day in (28, 29, 30, 31):
        for proration in ("create_prorations", "always_invoice"):
            script = Script(f"from the {day}th, {proration}").subscribe(f"2024-01-{day}T10:00:00Z", "price_team_monthly", 3)
            for at, quantity in changes:
                script.change(at, quantity=quantity, proration=proration)
            yield script


WORLDS = {
    "usual": Business(customers=60, months=14, seed=5),
    "beside": Business(customers=60, months=14, seed=6, features=FEATURES | {"outside_invoices", "credit_notes"}),
    "rare": Business(customers=60, months=14, seed=8, features=FEATURES | MORE - {"blank_lines", "lagging"}),
    "blank": Business(customers=40, months=10, seed=9, features=FEATURES | {"outside_invoices", "credit_notes", "blank_lines"}),
    "old": Business(customers=40, months=10, seed=10, features=FEATURES | MORE, api_version="2024-06-20"),
    "month ends": Business(customers=0, months=16, scripts=tuple(month_ends())),
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(each, marks=pytest.mark.long) if number else each for number, each in enumerate(sorted(WORLDS))],
)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Sandbox]]:
    """A world of the sandbox, read."""
    file: Path = tmp_path_factory.mktemp(request.param) / "nrr.sqlite3"
    with Sandbox(WORLDS[request.param]) as sandbox, opened(f"sqlite:///{file}") as engine:
        synced(engine, sandbox)
        yield engine, sandbox


def told(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    """What the sandbox lists."""
    return list(every(sandbox, path))


def test_sums_equal_per_invoice_and_in_all(world: tuple[Engine, Sandbox]) -> None:
    """Each invoice's classes make its total, each credit note's its total with the sign turned, and nothing is left unaccounted for."""
    engine, sandbox = world
    with read(engine) as connection:
        billed = classified(store.facts(connection))
    sums = dict(billed.filter(pl.col("class").is_in(classes.SUMMED)).group_by("object").agg(pl.col("amount").sum()).iter_rows())
    invoices = [i for i in told(sandbox, "/v1/invoices") if i["status"] in ("open", "paid")]
    notes = [n for n in told(sandbox, "/v1/credit_notes") if n["status"] == "issued"]
    expected = {i["id"]: i["total"] for i in invoices} | {n["id"]: -n["total"] for n in notes}
    assert {name: total for name, total in expected.items() if total} == {name: total for name, total in sums.items() if total}
    assert sum(expected.values()) == sum(sums.values())
    assert 0 == len(billed.filter(pl.col("class") == classes.DIFFERENCE))


def test_every_line_lies_in_one_class(world: tuple[Engine, Sandbox]) -> None:
    """As many lines are in the classes of lines as invoices have that are finalised and stand."""
    engine, sandbox = world
    with read(engine) as connection:
        billed = classified(store.facts(connection))
    counted = billed.filter(pl.col("class").is_in(classes.LINES))["lines"].sum()
    invoices = [i for i in told(sandbox, "/v1/invoices") if i["status"] in ("open", "paid")]
    assert sum(i["lines"]["total_count"] for i in invoices) == counted


def test_what_is_apart_is_listed_with_its_total(world: tuple[Engine, Sandbox]) -> None:
    """Drafts, voided and uncollectible invoices and voided credit notes are in no sum, and each is there."""
    engine, sandbox = world
    with read(engine) as connection:
        billed = classified(store.facts(connection))
    names = {"draft": classes.DRAFT, "void": classes.VOID, "uncollectible": classes.UNCOLLECTIBLE}
    expected = {(i["id"], names[i["status"]], i["total"]) for i in told(sandbox, "/v1/invoices") if i["status"] in names}
    expected |= {
        (n["id"], classes.VOID_CREDIT_NOTE, n["total"]) for n in told(sandbox, "/v1/credit_notes") if n["status"] == "void"
    }
    apart = billed.filter(~pl.col("class").is_in(classes.SUMMED))
    assert expected == set(apart.select("object", "class", "amount").iter_rows())


def test_kept_months_are_the_same_as_what_the_facts_say(world: tuple[Engine, Sandbox]) -> None:
    """Made at once or month by month, by whatever shards: the same figures."""
    engine, _ = world
    assert billings.refresh(engine, "Europe/Berlin", lambda: None) is None
    with read(engine) as connection:
        whole = store.stored(connection)
        months = list(whole["month"].unique().sort())
        by_month = [billings._made(connection, "Europe/Berlin", [month], lambda: None) for month in months]
        shards = [classified(store.facts(connection, shard=(i, 3))) for i in range(3)]
        everything = classified(store.facts(connection))
    assert whole.equals(pl.concat(by_month))
    assert everything.sort(everything.columns).equals(pl.concat(shards).sort(everything.columns))
    assert billings.refresh(engine, "Europe/Berlin", lambda: None) == []


def derived(engine: Engine, sandbox: Sandbox) -> None:
    """Make the ledger."""
    wiring = wired(engine, sandbox)
    try:
        assert "done" == refresh.derive(wiring).status
    finally:
        wiring.sources.close()


def test_what_was_billed_proves_the_ledger(world: tuple[Engine, Sandbox]) -> None:
    """By customer and month nothing is left unexplained, most months agree to the minor unit, and a wrong amount planted where all is certain is
    found."""
    engine, sandbox = world
    derived(engine, sandbox)
    found = proof_of_billings(engine, DEFAULT)
    assert [] == found.unexplained.rows()
    assert len(found.differences) * 2 < len(found.rows)
    agreeing = found.rows.join(found.differences, on=["customer", "currency"], how="anti")
    with read(engine) as connection:
        unsure = store_proof.noted(connection, DEFAULT.version, agreeing["customer"].unique().to_list())
    certain = agreeing.filter(pl.col("ledger_micros") > 0).join(unsure, on="customer", how="anti")
    [customer] = certain.sort("month", "customer")["customer"].head(1)
    for factor in ("* 3", "/ 3"):
        with begin(engine) as connection:
            planted = f"UPDATE invoice_line SET amount = amount {factor} WHERE customer_id = '{customer}' AND NOT proration"
            connection.exec_driver_sql(planted)
        wrong = proof_of_billings(engine, DEFAULT)
        assert ({customer} if factor == "* 3" else set()) == set(wrong.unexplained["customer"])
