"""What is coming by known dates, from facts to the stored signals: discounts that end, trials that end, cancellations, renewals."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from integrations.store.db import bulk
from integrations.store.db.encoding import digest, encode
from integrations.store.db.engine import begin, read
from integrations.store.db.words import bucket_of
from integrations.store.facts import accounts, catalog
from integrations.store.facts import schema as facts_schema
from integrations.store.figures import upcoming
from integrations.store.figures.schema import signal as table
from integrations.store.ledger.schema import standing
from integrations.store.work import jobs, runs
from metrics import labels
from metrics.evidence import (
    Coupon,
    Customer,
    Discount,
    Instant,
    Item,
    PlannedPause,
    Price,
    Schedule,
    ScheduledItem,
    ScheduledPhase,
    Source,
    Subscription,
)
from metrics.ledger.basis import Basis
from metrics.ledger.upcoming import SIGNALS
from worker.cli.outlook import _WORDS
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.figures import derive, rollup
from worker.figures.rollup import Rolling
from worker.queries.outlook import committed, outlook
from worker.queries.session import Session

BASIS, DAY = Basis(), 86_400
NOW = Instant(int(datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()))
LEARNT = datetime(2026, 3, 31, 12, tzinfo=UTC)
BEFORE = Instant(NOW - 40 * DAY)


def _subscription(customer: str, price: str = "monthly", quantity: int = 1) -> Subscription:
    item = Item(f"si_{customer}", price, quantity)
    return Subscription(f"sub_{customer}", customer, "active", "usd", BEFORE, BEFORE, (item,))


def _put(engine: Engine, subscriptions: list[Subscription]) -> None:
    with begin(engine) as connection:
        accounts.bind(connection, name="default", stripe_id="acct_1", livemode=False, default_currency="usd")
        prices = [
            Price("monthly", "prod", "usd", unit=Decimal(10_000)),
            Price("yearly", "prod", "usd", unit=Decimal(120_000), interval="year"),
        ]
        catalog.put(
            connection, 1, BEFORE, [*prices, Coupon("half", percent_off=Decimal(50), duration="repeating", months=2)], [], LEARNT
        )
        for each in subscriptions:
            bucket, body = bucket_of(each.customer), encode(each)
            bulk.append(
                connection,
                facts_schema.subscription_state,
                (
                    "bucket",
                    "customer_id",
                    "account",
                    "subscription_id",
                    "at",
                    "source",
                    "source_id",
                    "status",
                    "digest",
                    "body",
                    "learnt_at",
                ),
                [(bucket, each.customer, 1, each.id, BEFORE, int(Source.EVENT), "evt", each.status, digest(body), body, LEARNT)],
            )
            who = encode(Customer(each.customer, created=BEFORE, currency="usd"))
            bulk.append(
                connection,
                facts_schema.customer_state,
                ("bucket", "customer_id", "account", "at", "source", "source_id", "digest", "body", "learnt_at"),
                [(bucket, each.customer, 1, BEFORE, int(Source.SNAPSHOT), "", digest(who), who, LEARNT)],
            )


def _paid_until(engine: Engine, customer: str, since: int, until: int) -> None:
    with begin(engine) as connection:
        bulk.append(
            connection,
            facts_schema.invoice_line,
            (
                "bucket",
                "customer_id",
                "account",
                "invoice_id",
                "line_id",
                "subscription_id",
                "amount",
                "currency",
                "period_start",
                "period_end",
                "proration",
                "inclusive_tax",
                "learnt_at",
            ),
            [
                (
                    bucket_of(customer),
                    customer,
                    1,
                    f"in_{customer}",
                    "il",
                    f"sub_{customer}",
                    120_000,
                    "usd",
                    since,
                    until,
                    False,
                    0,
                    LEARNT,
                )
            ],
        )


def _run(engine: Engine) -> list[tuple[str, int, int, int]]:
    stop = Stop()
    handlers = {
        **derive.handlers(derive.Deriving(engine, stop, BASIS, NOW)),
        **rollup.handlers(Rolling(engine, stop, BASIS, dimensions=("plan",))),
    }
    for first in (derive.first_job(rebuild=True), rollup.first_job()):
        with begin(engine) as connection:
            run = runs.start(connection, "x")
            jobs.add(connection, [replace(first, run_id=run)])
        worked = Crew(engine, Terms("test", threads=2, lease_seconds=30, attempts=1), stop.part(), ()).work(
            handlers, wanted=[run], give_up_after=1
        )
        assert worked.error is None
    with read(engine) as connection:
        found = upcoming.of_day(connection, BASIS.version)
    assert {date(2026, 3, 31)} == {row["day"] for row in found}
    assert {"usd"} == {row["currency"] for row in found}
    return [(row["name"], row["within_days"], row["micros"] // 1_000_000, row["customers"]) for row in found]


def test_what_is_coming(engine: Engine) -> None:
    """Each date counts within the horizons that it lies in, with the MRR that it is about; what lies beyond them doesn't."""
    half = Discount("di", "half", BEFORE, Instant(NOW + 20 * DAY))
    _put(
        engine,
        [
            _subscription("plain"),
            replace(_subscription("discounted", quantity=2), discounts=(half,)),
            replace(_subscription("tries"), status="trialing", trial_start=BEFORE, trial_end=Instant(NOW + 10 * DAY)),
            replace(_subscription("tries_long"), status="trialing", trial_start=BEFORE, trial_end=Instant(NOW + 70 * DAY)),
            replace(
                _subscription("leaves", quantity=3),
                cancel_at=Instant(NOW + 60 * DAY),
                cancel_at_period_end=True,
                canceled_at=BEFORE,
            ),
            replace(_subscription("leaves_late"), cancel_at=Instant(NOW + 300 * DAY), canceled_at=BEFORE),
            _subscription("yearly", "yearly", 4),
            _subscription("yearly_late", "yearly"),
        ],
    )
    _paid_until(engine, "yearly", NOW - 320 * DAY, NOW + 45 * DAY)
    _paid_until(engine, "yearly_late", NOW - 10 * DAY, NOW + 355 * DAY)
    _paid_until(engine, "plain", NOW - 10 * DAY, NOW + 20 * DAY)
    assert [
        ("discounts_ending", 30, 100, 1),
        ("discounts_ending", 90, 100, 1),
        ("renewals", 90, 400, 1),
        ("scheduled_churn", 90, 300, 1),
        ("trials_ending", 30, 100, 1),
        ("trials_ending", 90, 200, 2),
    ] == _run(engine)


def test_what_a_schedule_plans_is_coming_and_no_mrr(engine: Engine) -> None:
    """A phase counts with what it changes and a pause with what it takes, from the day on which they begin, apart from scheduled churn."""
    grows = Schedule(
        "plan_grows", "active", "release", (ScheduledPhase(Instant(NOW + 20 * DAY), None, "usd", (ScheduledItem("monthly", 3),)),)
    )
    shrinks = Schedule(
        "plan_shrinks", "active", "release", (ScheduledPhase(Instant(NOW + 60 * DAY), None, "usd", (ScheduledItem("monthly", 1),)),)
    )
    pauses = Schedule(
        "plan_pauses", "active", "release", (), (PlannedPause(Instant(NOW + 10 * DAY), Instant(NOW + 50 * DAY), "scheduled"),)
    )
    over = replace(grows, id="plan_over", status="released")
    _put(
        engine,
        [
            replace(_subscription("grows"), schedule="plan_grows", plan=grows),
            replace(_subscription("shrinks", quantity=2), schedule="plan_shrinks", plan=shrinks),
            replace(_subscription("pauses", quantity=4), schedule="plan_pauses", plan=pauses),
            replace(_subscription("over"), schedule="plan_over", plan=over),
            replace(
                _subscription("leaves"), schedule="plan_grows", plan=grows, cancel_at=Instant(NOW + 25 * DAY), canceled_at=BEFORE
            ),
        ],
    )
    assert [
        ("planned_pauses", 30, 400, 1),
        ("scheduled_churn", 30, 100, 1),
        ("scheduled_churn", 90, 100, 1),
        ("scheduled_contraction", 90, 100, 1),
        ("scheduled_expansion", 30, 200, 1),
        ("scheduled_expansion", 90, 200, 1),
    ] == _run(engine)


def test_committed_with_what_is_scheduled(engine: Engine) -> None:
    """Committed MRR is without all that will end; schedules add to it, but not those of what ends, whenever that is."""
    grows = Schedule(
        "plan", "active", "release", (ScheduledPhase(Instant(NOW + 20 * DAY), None, "usd", (ScheduledItem("monthly", 3),)),)
    )
    _put(
        engine,
        [
            replace(_subscription("grows"), schedule="plan", plan=grows),
            replace(_subscription("leaves"), schedule="plan", plan=grows, cancel_at=Instant(NOW + 300 * DAY), canceled_at=BEFORE),
            _subscription("plain", quantity=8),
        ],
    )
    assert [("scheduled_expansion", 30, 200, 1), ("scheduled_expansion", 90, 200, 1)] == _run(engine)
    session = Session(engine, BASIS, NOW)
    found = committed(session, outlook(session))
    assert [(30, 900, 1100), (90, 900, 1100)] == [
        (c.within_days, c.micros // 1_000_000, c.with_scheduled_micros // 1_000_000) for c in found
    ]
    assert [] == committed(session, [])


def test_every_signal_has_its_words() -> None:
    """In the table, in the database and in the views, none of which lacks one."""
    assert set(SIGNALS) == set(_WORDS)
    assert set(SIGNALS) == set(labels.SIGNALS)
    assert ", ".join(SIGNALS[:4]) in (table.c.name.comment or "")
    assert set(SIGNALS) == set((table.c.name.comment or "").split(", "))


def test_a_day_is_replaced(engine: Engine) -> None:
    """Looking ahead twice on one day leaves what looking once does."""
    _put(engine, [replace(_subscription("tries"), status="trialing", trial_start=BEFORE, trial_end=Instant(NOW + 10 * DAY))])
    assert _run(engine) == _run(engine)


@pytest.mark.parametrize("day", [None, date(2026, 3, 30)])
def test_before_the_first_look_there_is_nothing(engine: Engine, day: date | None) -> None:
    """No signals, rather than an error."""
    with read(engine) as connection:
        assert [] == upcoming.of_day(connection, BASIS.version, day)


def test_only_what_stands_now_says_that_an_end_is_asked_for(engine: Engine) -> None:
    """Who left long ago, or changed its mind, had its end asked for once, too: looking at all of those grew with every year."""
    first, later = date(2025, 1, 1), date(2026, 1, 1)
    rows = [
        ("leaving", "usd", first, 0),
        ("leaving", "usd", later, 100),
        ("left", "usd", first, 100),
        ("left", "usd", later, 0),
        ("in_one_currency", "eur", first, 100),
        ("in_one_currency", "usd", first, 0),
        ("in_one_currency", "usd", later, 0),
        ("stays", "usd", first, 0),
    ]
    names = "basis bucket customer currency day account net_micros list_micros at_risk_micros scheduled_micros usage_micros subscriptions"
    told = [
        (basis, bucket_of(customer), customer, currency, day, 1, 100, 100, 0, scheduled, 0, 1)
        for basis in ("this", "other")
        for customer, currency, day, scheduled in rows
        if basis == "this" or customer == "stays"
    ]
    with begin(engine) as connection:
        bulk.append(connection, standing, names.split(), told)
        found = upcoming.concerned(connection, "this", NOW, Instant(NOW + 90 * DAY))
        assert [] == upcoming.concerned(connection, "other", NOW, Instant(NOW + 90 * DAY))
    assert ["in_one_currency", "leaving"] == found
