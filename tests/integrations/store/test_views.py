"""The views that people query: there on both databases, with every column described, saying what the product says."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts.write import Page, put_page
from integrations.store.figures import labels, rollups
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import read as read_ledger
from integrations.store.views.create import SQL_TYPES, described
from integrations.store.views.declared import VIEWS
from metrics.evidence import Instant
from metrics.retention.analysis.certainty import certainty
from metrics.retention.figures import Figures, rates
from tests.integrations.store.business import small_business
from tests.integrations.store.telling import LEARNT, subscription
from tests.worker.ledgers import BASIS
from worker.figures.standing import mrr_at

MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


@pytest.fixture
def business(engine: Engine) -> Engine:
    """One customer grows, one leaves, one comes in yen."""
    return small_business(engine)


def _rows(engine: Engine, query: str) -> list[dict[str, Any]]:
    with read(engine) as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def test_every_view_can_be_read(business: Engine) -> None:
    """Each view has rows, and exactly the columns that are described."""
    for view in VIEWS:
        rows = _rows(business, f"SELECT * FROM {view.name}")
        assert rows, view.name
        assert list(view.columns) == list(rows[0])
        assert f"### `{view.in_schema}`" in described()


def test_columns_are_described_in_postgresql(postgres_database: str) -> None:
    """Who looks with psql or Grafana is told what each column means."""
    made = open_engine(postgres_database)
    migrate.upgrade(made)
    query = "SELECT col_description('nrr_retention'::regclass, attnum) AS said FROM pg_attribute WHERE attrelid = 'nrr_retention'::regclass AND attnum > 0"
    retention = next(v for v in VIEWS if v.name == "nrr_retention")
    assert [column.meaning for column in retention.described().values()] == [row["said"] for row in _rows(made, query)]
    made.dispose()


def test_columns_have_the_types_that_are_written_down(postgres_database: str) -> None:
    """In the schema of the views every column is of the type that its name has everywhere; a whole number may be a narrower one."""
    made = open_engine(postgres_database)
    migrate.upgrade(made)
    query = "SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = 'nrr'"
    told = {
        (row["table_name"], row["column_name"]): _TYPE_NAMES.get(row["udt_name"], row["udt_name"]) for row in _rows(made, query)
    }
    made.dispose()
    assert told == {
        (view.name.removeprefix("nrr_"), column.name): SQL_TYPES[column.type]
        for view in VIEWS
        for column in view.described().values()
    }


_TYPE_NAMES = {"int2": "bigint", "int4": "bigint", "int8": "bigint", "bool": "boolean", "varchar": "text"}


def test_retention_is_what_the_product_says(business: Engine) -> None:
    """Rates in the view are the product's own, for every window and segment."""
    with read(business) as connection:
        stored = rollups.current(connection, BASIS.version)
    found = {
        (r["window_kind"], str(r["first_day"]), r["dimension"], r["segment"], r["currency"], bool(r["whole_book"])): r
        for r in _rows(business, "SELECT * FROM nrr_retention")
    }
    assert len(stored) == len(found)
    for row in stored:
        f = Figures.from_row({**row, "policy": ""})
        seen = found[f.kind, str(f.first), f.dimension, f.segment, f.currency.rpartition(":")[2], f.currency.startswith("all:")]
        expected = rates(f)
        for name in ("nrr", "grr", "logo_retention"):
            value = seen[name]
            assert (None if expected[name] is None else Decimal(str(expected[name]))) == (
                None if value is None else round(Decimal(str(value)), 6)
            )
        assert str(f.until - timedelta(days=1)) == str(seen["last_day"])[:10]
        _same_intervals(f, seen)


def _same_intervals(f: Figures, seen: dict[str, Any]) -> None:
    sure = certainty(f)
    for rate in ("nrr", "grr", "logo_retention"):
        for end in ("low", "high"):
            told, value = sure[f"{rate}_{end}"], seen[f"{rate}_{end}"]
            assert (told is None) == (value is None), f"{rate}_{end}"
            assert told is None or abs(Decimal(str(told)) - Decimal(str(value))) <= Decimal("0.000001")
    assert sure["level"] == seen["level"]
    size, shown = sure["effective_customers"], seen["effective_customers"]
    assert (size is None) == (shown is None)
    assert size is None or abs(Decimal(str(size)) - Decimal(str(shown))) <= Decimal("0.1")


@pytest.mark.parametrize("seed", range(6))
def test_intervals_are_what_the_product_says(engine: Engine, seed: int) -> None:
    """Bounds in the view are the product's own: large and small books, even and skewed, by either kind of GRR, and none below ten customers."""
    dice = Random(seed)
    book = [_random_figures(dice, month) for month in range(1, 13)]
    with begin(engine) as connection:
        ledger_bases.put(connection, BASIS.version, BASIS.policy.name, {})
        rollups.put(connection, BASIS.version, [f.to_row() for f in book], datetime(2026, 1, 1, tzinfo=UTC))
    seen = {str(row["first_day"])[:10]: row for row in _rows(engine, "SELECT * FROM nrr_retention")}
    for f in book:
        _same_intervals(f, seen[str(f.first)])


def _random_figures(dice: Random, month: int) -> Figures:
    count = dice.choice((3, 12, 40, 400))
    openings = [round(dice.lognormvariate(4, dice.choice((0.1, 1.5))) * 1_000_000) for _ in range(count)]
    ends = [dice.choice((0, a, a, a, a, a * 2, a // 2)) for a in openings]
    pairs = list(zip(openings, ends, strict=True))
    return Figures(
        "",
        "month",
        date(2025, month, 1),
        date(2025 + month // 12, month % 12 + 1, 1),
        "",
        "",
        "usd",
        opening=sum(openings),
        closing_of_cohort=sum(ends),
        churn=sum(a for a, b in pairs if not b),
        expansion=sum(max(0, b - a) for a, b in pairs),
        contraction=sum(max(0, a - b) for a, b in pairs if b),
        opening_customers=count,
        retained_customers=sum(b > 0 for b in ends),
        companions={"grr_by": dice.choice(("end_points", "running_minimum")), "lowest": sum(min(a, b) for a, b in pairs) // 2},
        opening_squared=sum(a * a for a in openings),
        opening_by_end=sum(a * b for a, b in pairs),
        end_squared=sum(b * b for b in ends),
    )


def test_the_bridge_adds_up(business: Engine) -> None:
    """Opening and the lines between make the closing, exactly; amounts stand in major units beside the micros."""
    rows = _rows(business, "SELECT * FROM nrr_bridge_by_month")
    lines = ("opening", "new", "reactivation", "expansion", "contraction", "churn", "fx")
    for row in rows:
        assert row["closing_micros"] == sum(row[f"{line}_micros"] for line in lines)
    (may,) = [r for r in rows if str(r["month"]) == str(MAY) and r["currency"] == "usd" and r["whole_book"]]
    assert (150_000_000, 50_000_000, 30_000_000, -30_000_000, 0, 200_000_000) == tuple(
        may[f"{name}_micros"] for name in ("opening", "new", "expansion", "contraction", "churn", "closing")
    )
    assert Decimal(200) == Decimal(str(may["closing"]))


def test_mrr_by_day_and_freshness(business: Engine) -> None:
    """A day's MRR by segment adds up to the whole; freshness names the stream, the ledger and the figures."""
    day = "SELECT sum(mrr_micros) AS mrr, sum(committed_micros) AS committed FROM nrr_mrr_by_day WHERE currency = 'usd' AND day = '2024-05-08' AND dimension = "
    assert [{"mrr": 180_000_000, "committed": 90_000_000}] * 2 == [*_rows(business, f"{day}''"), *_rows(business, f"{day}'plan'")]
    fresh = {
        (r["what"], r["account"], r["name"]): str(r["complete_until"])[:19] for r in _rows(business, "SELECT * FROM nrr_freshness")
    }
    assert {
        ("stream", "main", "events"): "2024-06-10 06:13:20",
        ("ledger", None, "default"): "2024-06-10 23:59:59",
        ("figures", None, "default"): "2024-06-10 23:59:59",
    } == fresh


def test_mrr_by_customer_is_the_whole_book(business: Engine) -> None:
    """At each month's end it adds up to the month's closing; a plan without a name is shown by its id."""
    rows = _rows(business, "SELECT * FROM nrr_mrr_by_customer WHERE day = '2024-05-31'")
    assert {("a", "usd", 130_000_000), ("b", "usd", 20_000_000), ("c", "jpy", 7_000_000_000)} == {
        (row["customer"], row["currency"], row["mrr_micros"]) for row in rows
    }
    assert {("main", row["plan"]) for row in rows} == {(row["account"], row["plan_name"]) for row in rows}
    with begin(business) as connection:
        labels.put(connection, {("plan", str(rows[0]["plan"])): "Team"})
    named = _rows(business, "SELECT DISTINCT plan_name FROM nrr_mrr_by_customer WHERE day = '2024-05-31'")
    totals = _rows(business, "SELECT DISTINCT segment_name FROM nrr_mrr_by_day WHERE dimension = 'plan'")
    figures = _rows(business, "SELECT DISTINCT segment_name FROM nrr_retention WHERE dimension = 'plan'")
    assert all("Team" in {value for row in found for value in row.values()} for found in (named, totals, figures))


def test_signals_stand_by_day_and_horizon(business: Engine) -> None:
    """What was coming as of a day is there with its horizon."""
    (row,) = _rows(business, "SELECT signal, within_days, mrr_micros, customers FROM nrr_signals WHERE day = '2024-06-09'")
    assert ("renewals", 30, 5_000_000, 2) == tuple(row.values())


def test_restatements_name_the_customer(business: Engine) -> None:
    """The customer behind May's change is there, with what was held and what is known."""
    (row,) = _rows(business, "SELECT * FROM nrr_restatements")
    assert ("b", str(MAY), 0, 20_000_000) == (
        row["customer"],
        str(row["month"]),
        row["closing_before_micros"],
        row["closing_after_micros"],
    )


def test_the_dashboard_asks_what_there_is(postgres_database: str) -> None:
    """Every query of the example dashboard for Grafana runs, with its variables filled in."""
    import json
    from pathlib import Path

    made = open_engine(postgres_database)
    migrate.upgrade(made)
    told = json.loads((Path(__file__).parents[3] / "deploy/grafana/retention.json").read_text(encoding="utf-8"))
    variables = {"policy": "default", "currency": "usd", "whole_book": "true", "window": "month", "dimension": "plan"}
    queries = [target["rawSql"] for panel in told["panels"] for target in panel["targets"]]
    queries += [each["query"] for each in told["templating"]["list"] if each["type"] == "query"]
    assert len(queries) > 8
    for query in queries:
        for name, value in variables.items():
            query = query.replace(f"${{{name}}}", value)
        for column in ("day", "month", "last_day"):
            query = query.replace(f"$__timeFilter({column})", f"{column} BETWEEN '2024-01-01' AND '2025-01-01'")
        assert "$" not in query
        _rows(made, query.replace("::", "\\:\\:"))
    made.dispose()


def test_the_deploy_notes_describe_the_views_as_they_are() -> None:
    """What is written down for those who query ends with the views' own description."""
    from pathlib import Path

    notes = (Path(__file__).parents[3] / "deploy/sql-views.md").read_text(encoding="utf-8")
    assert notes.endswith(described())


def test_billings_are_in_micros_and_major_units(business: Engine) -> None:
    """A line of 10.00 with 2.00 tax: 12.00, what Stripe says."""
    rows = _rows(business, "SELECT class, amount, amount_micros, apart FROM nrr_billings ORDER BY class")
    assert [("subscription", 10, 10_000_000, 0), ("tax", 2, 2_000_000, 0)] == [
        (r["class"], r["amount"], r["amount_micros"], int(r["apart"])) for r in rows
    ]


def test_the_whole_book_by_day_is_what_the_product_shows(business: Engine) -> None:
    """Each day's MRR at that day's rates, as `nrr show mrr` has it, and a movement's change at the rate of its day."""
    shown = mrr_at(business, BASIS, date(2024, 5, 25), reporting_currency="usd").together
    assert shown is not None
    (row,) = _rows(business, "SELECT * FROM nrr_book_by_day WHERE day = '2024-05-25'")
    names = ("mrr_micros", "list_mrr_micros", "committed_micros", "currency", "subscriptions", "without_rate")
    assert (shown.net_micros, shown.list_micros, shown.committed_micros, "usd", shown.subscriptions, 0) == tuple(
        row[name] for name in names
    )
    moved = {r["customer"]: r for r in _rows(business, "SELECT * FROM nrr_movements WHERE kind = 'new'")}
    assert ("usd", 50_000_000) == (moved["c"]["reporting_currency"], moved["c"]["change_in_reporting_micros"])
    assert Decimal(100) == Decimal(str(moved["a"]["change_in_reporting"]))


def test_when_a_movement_was_learnt_is_when_its_facts_were(business: Engine) -> None:
    """Of a movement that an invoice's line and a listing show it is when that line was stored, else the listing; of nothing known it is null."""
    with begin(business) as connection:
        line, learnt = connection.exec_driver_sql("SELECT line_id, learnt_at FROM invoice_line").one()
        connection.execute(text("UPDATE movement SET evidence = :said WHERE customer = 'a'"), {"said": f'["sub_9", "{line}"]'})
        bucket = connection.exec_driver_sql("SELECT bucket FROM movement WHERE customer = 'a'").scalar()
        connection.execute(text("UPDATE invoice_line SET bucket = :bucket"), {"bucket": bucket})
    told = {r["customer"]: r["learnt_at"] for r in _rows(business, "SELECT customer, learnt_at FROM nrr_movements")}
    assert (learnt, None) == (told["a"], told["b"])
    with begin(business) as connection:
        connection.exec_driver_sql("UPDATE movement SET evidence = '[\"sub_1\"]' WHERE customer = 'a'")
        listed = connection.exec_driver_sql("SELECT learnt_at FROM subscription_state").scalar()
    assert [listed] == [
        r["learnt_at"] for r in _rows(business, "SELECT DISTINCT learnt_at FROM nrr_movements WHERE customer = 'a'")
    ]


def test_frames_of_movements_say_what_the_view_says(business: Engine) -> None:
    """Plan, account and when it was learnt come from the view's own expressions, on both databases."""
    with begin(business) as connection:
        connection.exec_driver_sql("UPDATE movement SET evidence = '[\"sub_1\"]' WHERE customer = 'a'")
        found = read_ledger.movements(connection, BASIS.version, beside=True)
    viewed = _rows(business, "SELECT customer, day, plan, account, learnt_at FROM nrr_movements ORDER BY customer, day")
    plain = [(r["customer"], r["plan"], r["learnt_at"] and str(r["learnt_at"])[:19]) for r in viewed]
    rows = found.sort("customer", "day").iter_rows(named=True)
    assert plain == [(r["customer"], r["plan"], r["learnt_at"] and str(r["learnt_at"])[:19]) for r in rows]
    assert any(plan for _, plan, _ in plain)
    assert any(learnt for _, _, learnt in plain)


def test_without_a_rate_an_amount_is_null_and_never_taken_as_it_is(business: Engine) -> None:
    """Yen without a rate are in no sum of dollars, and the row says that a currency is missing."""
    with begin(business) as connection:
        connection.exec_driver_sql("DELETE FROM rate")
    (row,) = _rows(business, "SELECT mrr_micros, without_rate FROM nrr_book_by_day WHERE day = '2024-05-25'")
    assert (150_000_000, 1) == (row["mrr_micros"], row["without_rate"])
    assert [None] == [r["change_in_reporting_micros"] for r in _rows(business, "SELECT * FROM nrr_movements WHERE customer = 'c'")]


def test_customers_and_plans_stand_as_they_do_now(business: Engine) -> None:
    """One row a customer and currency, with the first day of all; what a plan has is the sum of its customers'."""
    rows = {row["customer"]: row for row in _rows(business, "SELECT * FROM nrr_customers")}
    assert {"a": (True, 130, "2024-04-03"), "b": (True, 20, "2024-04-09"), "c": (True, 7000, "2024-05-20")} == {
        name: (bool(row["active"]), int(row["mrr"]), str(row["first_day"])) for name, row in rows.items()
    }
    plans = _rows(
        business, "SELECT currency, sum(mrr_micros) AS mrr, sum(customers) AS customers FROM nrr_plans GROUP BY currency ORDER BY 1"
    )
    assert [("jpy", 7_000_000_000, 1), ("usd", 150_000_000, 2)] == [
        (r["currency"], int(r["mrr"]), int(r["customers"])) for r in plans
    ]


def test_subscriptions_stand_with_their_newest_status(business: Engine) -> None:
    """Two states of one subscription are one row: the newest."""
    later = subscription("sub_1", "a", 1_717_500_000)
    later = replace(later, subscription=replace(later.subscription, status="canceled"))
    with begin(business) as connection:
        put_page(connection, 1, Page(Instant(1_718_000_000), subscriptions=[later]), LEARNT)
    (row,) = _rows(
        business, "SELECT account, subscription, customer, status, as_of FROM nrr_subscriptions WHERE subscription = 'sub_1'"
    )
    assert ("main", "sub_1", "a", "canceled", "2024-06-04 11:20:00") == (*list(row.values())[:4], str(row["as_of"])[:19])
