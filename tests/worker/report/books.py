"""A small business in three currencies, rolled up, for reports of it; some of its names would like to be formulas."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.facts import accounts
from integrations.store.facts.schema import person
from integrations.store.figures import labels
from metrics.evidence import Instant
from tests.metrics.retention.books import Stand
from tests.services.filled import filled
from tests.worker.ledgers import BASIS, Life, put_rates, roll_up, rolling_of, store
from worker.queries.session import Session

HOSTILE = (
    '=HYPERLINK("http://evil.example","click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1,1)",
    "\t=1+1",
    "{=1+1}",
    "_x003D_1+1",
    "'quoted",
    "Ünïcødé 株式会社",
)
"""Names that a spreadsheet might calculate."""
TODAY = date(2026, 1, 9)
NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)
FIRST = date(2024, 9, 1)


def _lives(chance: random.Random, currencies: tuple[str, ...]) -> dict[str, Life]:
    lives = {}
    for number in range(14):
        customer = HOSTILE[number] if number < 7 else f"cus_{number:02}"
        day, currency, stands = FIRST + timedelta(days=chance.randrange(420) if number else 3), chance.choice(currencies), {}
        while day < TODAY:
            if chance.random() < 0.2 and len(currencies) > 1:
                stands[day, currency] = Stand(customer, day, 0, currency, plan=None, interval=None, subscriptions=0)
                currency = chance.choice(currencies)
            net = chance.choice([0, 49_000_000, 8_333_333, 10_000 * chance.randrange(100, 90_000)])
            stands[day, currency] = Stand(
                customer,
                day,
                net,
                currency,
                list_micros=net * 5 // 4,
                plan=chance.choice(["basic", "=1+1"]) if net else None,
                interval=chance.choice(["month", "year"]) if net else None,
                subscriptions=1 if net else 0,
            )
            day += timedelta(days=chance.randrange(20, 200))
        lives[customer] = Life(stands, {FIRST: chance.choice(["de", "us", "@fr"])})
    return lives


def business(engine: Engine, *, currencies: tuple[str, ...] = ("usd", "eur", "jpy"), seed: int = 5) -> Session:
    """A session on a business that has lived since September 2024; with one currency it is that one's."""
    dimensions = filled(engine, f"report {currencies} {seed}", lambda empty: _fill(empty, currencies, seed))
    currency = "usd" if len(currencies) > 1 else None
    return Session(engine, BASIS, Instant(int(NOW.timestamp())), currency, dimensions)


def _fill(engine: Engine, currencies: tuple[str, ...], seed: int) -> tuple[str, ...]:
    lives = _lives(random.Random(seed), currencies)
    with begin(engine) as connection:
        account = accounts.bind(connection, name="main", stripe_id="acct_main", livemode=False, default_currency=currencies[0])
        for number, customer in enumerate(sorted(lives)):
            if customer.startswith("cus_"):
                name = HOSTILE[number % len(HOSTILE)]
                row = {"account": account, "customer_id": customer, "name": name, "email": None, "observed_at": 0}
                connection.execute(person.insert().values(**row))
    store(engine, lives, lives, TODAY)
    put_rates(
        engine,
        [
            (date(2024, 1, 1) + timedelta(days=20 * number), unit, "usd", f"{base}{number % 7}3")
            for number in range(37)
            for unit, base in (("eur", "1.0"), ("jpy", "0.006"))
        ],
    )
    rolling = replace(rolling_of(engine), reporting_currency="usd" if len(currencies) > 1 else None)
    roll_up(rolling)
    with begin(engine) as connection:
        labels.put(connection, {("plan", "basic"): "Basic, 49 a month", ("plan", "=1+1"): "=1+1", ("account", "1"): "main"})
    return rolling.dimensions
