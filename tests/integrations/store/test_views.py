"""The views that people query: there on both databases, with every column described, saying what the product says."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from integrations.store.db.engine import begin, read
from integrations.store.facts.accounts import bind
from integrations.store.facts.write import Page, put_page
from integrations.store.figures import labels, rollups, upcoming
from integrations.store.ledger import write as write_ledger
from integrations.store.views import VIEWS, described
from integrations.store.work import cursors
from metrics.evidence import Instant, Totals
from metrics.retention.certainty import certainty
from metrics.retention.figures import Figures, rates
from tests.integrations.store.telling import LEARNT, invoice
from tests.metrics.retention.books import Stand
from tests.worker.ledgers import BASIS, Life, put_rates, roll_up, rolling_of, store

MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


def _stand(customer: str, day: date, net: int, currency: str = "usd") -> Stand:
    return Stand(customer, day, net * 1_000_000, currency, scheduled_micros=net * 500_000)


@pytest.fixture
def business(engine: Engine) -> Engine:
    """One customer grows, one leaves, one comes in yen; rolled up as of the tenth of June, and once more after news of May."""
    stands = [
        _stand("a", date(2024, 4, 3), 100),
        _stand("a", date(2024, 5, 7), 130),
        _stand("b", date(2024, 4, 9), 50),
        _stand("b", date(2024, 5, 9), 0),
        _stand("c", date(2024, 5, 20), 7000, "jpy"),
    ]
    lives: dict[str, Life] = {}
    for each in stands:
        lives.setdefault(each.customer, Life()).stands[each.day, each.currency] = each
    put_rates(engine, [(date(2024, 4, 1), "usd", "jpy", "140")])
    with begin(engine) as connection:
        account = bind(connection, name="main", stripe_id="acct_1", livemode=False)
        cursors.move(connection, account, "events", None, 1_718_000_000)
        write_ledger.put_basis(connection, BASIS.version, BASIS.policy.name, {})
        upcoming.put(connection, BASIS.version, date(2024, 6, 9), [("renewals", 30, "usd", 5_000_000, 2)])
        billed = replace(invoice("in_1", "a", created=1_715_000_000), totals=Totals(1200, 200))
        put_page(connection, account, Page(Instant(1_718_000_000), invoices=[billed]), LEARNT)
    store(engine, lives, lives, date(2024, 6, 10))
    roll_up(rolling_of(engine))
    lives["b"].stands[date(2024, 5, 9), "usd"] = _stand("b", date(2024, 5, 9), 20)
    store(engine, lives, ["b"], date(2024, 6, 10))
    assert 1 == roll_up(rolling_of(engine)).restated
    return engine


def _rows(engine: Engine, query: str) -> list[dict[str, Any]]:
    with read(engine) as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def test_every_view_can_be_read(business: Engine) -> None:
    """Each view has rows, and exactly the columns that are described."""
    for view in VIEWS:
        rows = _rows(business, f"SELECT * FROM {view.name}")
        assert rows, view.name
        assert list(view.columns) == list(rows[0])
        assert f"### `{view.name}`" in described()


def test_columns_are_described_in_postgresql(postgres_database: str) -> None:
    """Who looks with psql or Grafana is told what each column means."""
    from integrations.store import migrate
    from integrations.store.db.engine import open_engine

    made = open_engine(postgres_database)
    migrate.upgrade(made)
    query = "SELECT col_description('nrr_retention'::regclass, attnum) AS said FROM pg_attribute WHERE attrelid = 'nrr_retention'::regclass AND attnum > 0"
    assert [meaning for _, meaning in next(v for v in VIEWS if v.name == "nrr_retention").columns.values()] == [
        row["said"] for row in _rows(made, query)
    ]
    made.dispose()


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
    size, shown = sure["effective_customers"], seen["effective_customers"]
    assert (size is None) == (shown is None)
    assert size is None or abs(Decimal(str(size)) - Decimal(str(shown))) <= Decimal("0.1")


@pytest.mark.parametrize("seed", range(6))
def test_intervals_are_what_the_product_says(engine: Engine, seed: int) -> None:
    """Bounds in the view are the product's own: large and small books, even and skewed, by either kind of GRR, and none below ten customers."""
    dice = Random(seed)
    book = [_random_figures(dice, month) for month in range(1, 13)]
    with begin(engine) as connection:
        write_ledger.put_basis(connection, BASIS.version, BASIS.policy.name, {})
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

    from integrations.store import migrate
    from integrations.store.db.engine import open_engine

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
    """What is written down for those who query ends with the views' own description, and the role that reads is given every view."""
    from pathlib import Path

    notes = (Path(__file__).parents[3] / "deploy/sql-views.md").read_text(encoding="utf-8")
    assert notes.endswith(described())
    (grant,) = [line for line in notes.splitlines() if line.startswith("GRANT SELECT ON")]
    assert [view.name for view in VIEWS] == grant.removeprefix("GRANT SELECT ON ").partition(" TO ")[0].split(", ")


def test_a_role_that_only_reads_sees_views_and_nothing_else(postgres_database: str) -> None:
    """The statements of the deploy notes make a role that can read every view, and neither read the tables nor write."""
    import uuid
    from pathlib import Path

    import psycopg

    from integrations.store import migrate
    from integrations.store.db.engine import open_engine

    made = open_engine(postgres_database)
    migrate.upgrade(made)
    made.dispose()
    notes = (Path(__file__).parents[3] / "deploy/sql-views.md").read_text(encoding="utf-8")
    role, database = f"read_{uuid.uuid4().hex[:8]}", postgres_database.rpartition("/")[2]
    statements = notes.split("```sql")[1].split("```")[0].replace("nrr_read", role).replace("DATABASE nrr", f"DATABASE {database}")
    address = postgres_database.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as owner:
        for statement in filter(None, (line.strip() for line in statements.split(";"))):
            owner.execute(statement.replace("…", "secret").encode())
        try:
            with psycopg.connect(address, autocommit=True) as reader:
                reader.execute(f"SET ROLE {role}".encode())
                for view in VIEWS:
                    reader.execute(f"SELECT * FROM {view.name}".encode())
                for refused in ("SELECT * FROM movement", "SELECT * FROM person", "DELETE FROM standing"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        reader.execute(refused.encode())
        finally:
            owner.execute(f"DROP OWNED BY {role}".encode())
            owner.execute(f"DROP ROLE {role}".encode())


def test_billings_are_in_micros_and_major_units(business: Engine) -> None:
    """A line of 10.00 with 2.00 tax: 12.00, what Stripe says."""
    rows = _rows(business, "SELECT class, amount, amount_micros, apart FROM nrr_billings ORDER BY class")
    assert [("subscription", 10, 10_000_000, 0), ("tax", 2, 2_000_000, 0)] == [
        (r["class"], r["amount"], r["amount_micros"], int(r["apart"])) for r in rows
    ]
