"""Verifying finds whatever was changed behind the product's back, and is silent about everything else."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, Table, delete, insert, select, update

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store.db.engine import begin, read
from integrations.store.figures.schema import rollup as rollup_table
from integrations.store.ledger.schema import attribute, exclusion, finding, movement, standing, wake
from integrations.store.work import cursors
from metrics.ledger.basis import Basis
from metrics.policy import preset
from tests.stories.living import opened, synced
from tests.worker.facts import Told, at, derive, half_until, wiring
from worker.figures.derived import NothingDerived
from worker.runs import refresh
from worker.runs.verify import Moved, Verification, verify
from worker.wiring.wiring import Wiring

NOW = "2024-07-15T09:00"
DIMENSIONS = ("plan", "country", "size")


def rolled(engine: Engine, now: str, **more: Any) -> Wiring:
    """A process that has derived and rolled up."""
    derive(engine, now)
    found = replace(wiring(engine, now), dimensions=DIMENSIONS, reporting_currency="usd", **more)
    report, _ = refresh.rollup(found)
    assert "done" == report.status
    return found


@pytest.fixture
def business(migrated_url: str) -> Iterator[Wiring]:
    """Six months of a business, derived and rolled up, with everything in it that can be tampered with."""
    with Sandbox(Business(customers=14, months=8, seed=3), now=NOW) as sandbox, opened(migrated_url) as engine:
        synced(engine, sandbox, [at("2024-06-20"), at(NOW)])
        account = Told(engine, "other")
        account.subscription("cus_unpriced", NOW, price="price_never_seen")
        account.catalog()
        account.subscription("cus_waking", NOW, discounts=[half_until("2025-01-01", start="2024-07-01")])
        yield rolled(engine, NOW)


def clean(found: Verification) -> bool:
    """Whether nothing is said, though there was something to look at."""
    assert min(found.customers, found.movements, found.windows) > 0
    return (found.problems, found.waiting, found.outdated) == ((), 0, False)


def changed(engine: Engine, table: Table, column: str, value: object) -> dict[str, Any]:
    """Set a column of some row that has another value there; gives the row as it was."""
    with begin(engine) as connection:
        where = [table.c[column].is_distinct_from(value)]
        if "current" in table.c:
            where.append(table.c.current)
        row = dict(connection.execute(select(table).where(*where).order_by(*table.primary_key).limit(1)).mappings().one())
        mine = [c == row[c.name] for c in table.primary_key]
        assert 1 == connection.execute(update(table).where(*mine).values({column: value})).rowcount
    return row


def restored(engine: Engine, table: Table, row: dict[str, Any]) -> None:
    """Put a row back."""
    with begin(engine) as connection:
        connection.execute(delete(table).where(*(c == row[c.name] for c in table.primary_key)))
        connection.execute(insert(table).values(**row))


LEDGER: list[tuple[Table, str, object]] = [
    (movement, "cause", "quantity"),
    (movement, "evidence", "[]"),
    (standing, "net_micros", 7),
    (standing, "plan", "price_other"),
    (attribute, "value", "XX"),
    (exclusion, "reason", "metered"),
    (exclusion, "until", 5),
    (finding, "detail", "all is well"),
    (wake, "at", 5_000_000_000),
]
FIGURES = [("opening", 7), ("closing", 7), ("churn", 7), ("new_logos", 77), ("companions", "{}")]


def test_whatever_is_tampered_with_is_found(business: Wiring) -> None:
    """Each single cell of a derived row that is changed, each row that is removed or added, is named; put back, all agrees again."""
    engine = business.engine
    assert clean(verify(business))
    for table, column, value in LEDGER:
        row = changed(engine, table, column, value)
        found = verify(business)
        assert (table.name, column, [row["customer"]]) == (
            table.name,
            column,
            [each.split(" of ")[1].split(":")[0] for each in found.ledger if each.startswith(table.name)],
        )
        restored(engine, table, row)
    assert clean(verify(business))


@pytest.mark.long
def test_a_missing_row_and_one_too_many_are_found(business: Wiring) -> None:
    """A customer whose standings are gone, and one that never was."""
    engine = business.engine
    with begin(engine) as connection:
        row = dict(connection.execute(select(standing).order_by(*standing.primary_key).limit(1)).mappings().one())
        connection.execute(delete(standing).where(*(c == row[c.name] for c in standing.primary_key)))
    assert [f"standing of {row['customer']}"] == [each.split(":")[0] for each in verify(business).ledger]
    restored(engine, standing, row)
    restored(engine, standing, {**row, "customer": "cus_ghost"})
    assert ["standing of cus_ghost"] == [each.split(":")[0] for each in verify(business).ledger]


@pytest.mark.long
def test_figures_that_were_tampered_with_are_found(business: Wiring) -> None:
    """Any sum of any window and segment, and a figure that is missing."""
    engine = business.engine
    for column, value in FIGURES:
        row = changed(engine, rollup_table, column, value)
        said = " ".join(str(row[k]) for k in ("kind", "first", "until", "dimension", "segment", "currency") if row[k])
        assert any(each.startswith(said) for each in verify(business).figures), column
        restored(engine, rollup_table, row)
    with begin(engine) as connection:
        query = select(rollup_table).where(rollup_table.c.current, rollup_table.c.closing > 0)
        row = dict(connection.execute(query.order_by(*rollup_table.primary_key).limit(1)).mappings().one())
        connection.execute(delete(rollup_table).where(*(c == row[c.name] for c in rollup_table.primary_key)))
    assert any(each.endswith("not stored") for each in verify(business).figures)


@pytest.mark.long
def test_customers_with_news_are_left_out_and_counted(engine: Engine) -> None:
    """News that nothing was derived from, and a moment that has come since, are no mistake; the others are still compared."""
    told = Told(engine)
    told.catalog()
    for name in ("cus_a", "cus_b", "cus_c"):
        told.subscription(name, discounts=[half_until("2025-03-01")] if name == "cus_b" else [])
    found = rolled(engine, "2025-02-01")
    assert clean(verify(found))
    told.subscription("cus_a", "2025-02-10", quantity=2)
    with begin(engine) as connection:
        cursors.move(connection, 1, cursors.EVENTS, None, at("2025-03-02"))
    later = replace(found, pretended=wiring(engine, "2025-03-02").pretended)
    assert ((), 2) == (verify(later).problems, verify(later).waiting)
    for table, customer, caught in ((standing, "cus_a", False), (standing, "cus_c", True)):
        with begin(engine) as connection:
            connection.execute(update(table).where(table.c.customer == customer).values(at_risk_micros=1))
        assert caught == bool(verify(later).ledger)


def test_figures_older_than_the_ledger_are_not_blamed(engine: Engine) -> None:
    """Derived and not rolled up yet: only the ledger is compared, and that is said."""
    told = Told(engine)
    told.catalog()
    told.subscription("cus_a", event="evt_1")
    found = rolled(engine, "2025-02-01")
    told.subscription("cus_a", "2025-01-10", event="evt_2", quantity=2)
    derive(engine, "2025-02-02")
    assert ((), True, 0) == (verify(found).problems, verify(found).outdated, verify(found).windows)


def test_other_policies_are_verified_by_themselves(engine: Engine) -> None:
    """Under a policy that nothing was derived for there is nothing to verify; once derived there is."""
    told = Told(engine)
    told.catalog()
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    other = Basis(preset("stripe"))
    with pytest.raises(NothingDerived):
        verify(wiring(engine, "2025-02-01", other))
    derive(engine, "2025-02-01", asked=other)
    assert ((), 1) == (verify(wiring(engine, "2025-02-01", other)).problems, verify(wiring(engine, "2025-02-01", other)).customers)


def test_a_derivation_under_way_is_no_reason_for_alarm(engine: Engine) -> None:
    """While others derive, a difference means nothing and is not told as one."""
    from integrations.store.work import runs

    told = Told(engine)
    told.catalog()
    told.subscription("cus_a")
    derive(engine, "2025-02-01")
    with begin(engine) as connection:
        run = runs.start(connection, "derive", exclusive_key="figures")
    assert () == verify(wiring(engine, "2025-02-01")).problems
    with begin(engine) as connection:
        connection.execute(update(standing).values(at_risk_micros=1))
    with pytest.raises(Moved):
        verify(wiring(engine, "2025-02-01"))
    with begin(engine) as connection:
        runs.finish(connection, run, "done")
    assert verify(wiring(engine, "2025-02-01")).ledger


def test_verifying_changes_nothing(engine: Engine) -> None:
    """Marks and figures are what they were."""
    from integrations.store.facts import marks

    told = Told(engine)
    told.catalog()
    told.subscription("cus_a")
    found = rolled(engine, "2025-02-01")
    told.subscription("cus_a", "2025-02-10", quantity=2)
    verify(found)
    with read(engine) as connection:
        assert 1 == marks.count_touched(connection)
