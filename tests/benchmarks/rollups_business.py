"""The business that the roll-up is measured on: customers whose subscriptions start, change and end, written as facts straight into the store.

About five movements a customer over sixty months, in three currencies, twenty-four prices and thirty countries. Everything follows from a
customer's number and a seed, so two processes write disjoint halves of one business, and a changed customer is made by the same words.
"""

import os
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from integrations.store.db import bulk
from integrations.store.db.encoding import digest, encode
from integrations.store.db.engine import begin, open_engine
from integrations.store.db.words import bucket_of
from integrations.store.facts import accounts, catalog
from integrations.store.facts import schema as facts_schema
from metrics.evidence import Customer, Instant, Item, Price, Product, Source, Subscription

YEARS_NAME = "BENCH_YEARS"
"""The environment's variable for how many years the business is old: every process of a run must know."""
FIRST = date(2026 - int(os.environ.get(YEARS_NAME, "5")), 1, 1)
DAY = 86_400
BEGAN = int(datetime(FIRST.year, 1, 1, tzinfo=UTC).timestamp())
ENDED = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp())
LEARNT = datetime(2026, 1, 15, tzinfo=UTC)
CURRENCIES = ("usd", "usd", "usd", "usd", "usd", "usd", "usd", "usd", "eur", "gbp")
COUNTRIES = tuple(f"{a}{b}" for a in "ADFGU" for b in "ABCDEF")
PRICES = 8
AT_ONCE = 5_000
_STATE = (
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
)
_CUSTOMER = ("bucket", "customer_id", "account", "at", "source", "source_id", "digest", "body", "learnt_at")


@dataclass(frozen=True)
class Written:
    """How many rows of evidence were written."""

    customers: int
    states: int


def prepare(url: str) -> None:
    """The account, its catalog."""
    engine = open_engine(url)
    with begin(engine) as connection:
        accounts.bind(connection, name="default", stripe_id="acct_bench", livemode=False, default_currency="usd")
        prices = [
            Price(
                f"price_{number}_{currency}",
                f"prod_{number % 4}",
                currency,
                unit=Decimal(900 + 1100 * number),
                interval="year" if number % 4 == 3 else "month",
            )
            for number in range(PRICES)
            for currency in ("usd", "eur", "gbp")
        ]
        products = [Product(f"prod_{number}", f"Product {number}") for number in range(4)]
        catalog.put(connection, 1, Instant(BEGAN), [*prices, *products], [], LEARNT)
    engine.dispose()


def write(url: str, first: int, until: int) -> Written:
    """Write the customers [first, until)."""
    engine, states = open_engine(url), 0
    for low in range(first, until, AT_ONCE):
        customers: list[tuple[Any, ...]] = []
        rows: list[tuple[Any, ...]] = []
        for number in range(low, min(until, low + AT_ONCE)):
            name = f"cus_{number:08}"
            found = list(life(number))
            rows += [_row(name, at, state) for at, state in found]
            body = encode(Customer(name, created=Instant(found[0][0]), currency=found[0][1].currency, country=_country(number)))
            customers.append((bucket_of(name), name, 1, found[0][0], int(Source.SNAPSHOT), "", digest(body), body, LEARNT))
        with begin(engine) as connection:
            bulk.append(connection, facts_schema.customer_state, _CUSTOMER, customers)
            bulk.append(connection, facts_schema.subscription_state, _STATE, rows)
        states += len(rows)
    engine.dispose()
    return Written(until - first, states)


def touch(url: str, numbers: list[int], at: int) -> int:
    """Something new of some customers, today: a larger quantity, and the mark that says so. Gives the number of states."""
    engine = open_engine(url)
    rows = []
    for number in numbers:
        *_, (_, last) = life(number)
        item = replace(last.items[0], quantity=(last.items[0].quantity or 1) + 1)
        rows.append(_row(f"cus_{number:08}", at, replace(last, status="active", ended_at=None, items=(item,))))
    with begin(engine) as connection:
        bulk.append(connection, facts_schema.subscription_state, _STATE, rows)
        bulk.append(connection, facts_schema.touched, ("account", "customer_id"), [(1, row[1]) for row in rows])
    engine.dispose()
    return len(rows)


def _row(name: str, at: int, state: Subscription) -> tuple[Any, ...]:
    body = encode(state)
    source = f"evt_{zlib.crc32(f'{name}{at}'.encode()):08x}"
    return (bucket_of(name), name, 1, state.id, at, int(Source.EVENT), source, state.status, digest(body), body, LEARNT)


def life(number: int) -> Iterator[tuple[int, Subscription]]:
    """The states of one customer's subscription, oldest first: it starts, changes price or quantity, and often ends and sometimes starts again."""
    chance = random.Random(number)
    currency = chance.choice(CURRENCIES)
    at = BEGAN + int(chance.random() ** 0.8 * (ENDED - BEGAN - 20 * DAY)) // DAY * DAY + number % DAY
    price, quantity = chance.randrange(PRICES), 1 + int(chance.expovariate(0.3))
    name, ended = f"{number:08}", 0
    state = _subscription(name, at, currency, price, quantity)
    yield at, state
    for _ in range(7):
        at += int(DAY * (4 + chance.expovariate(1 / 150)))
        if at >= ENDED:
            return
        if state.status == "canceled":
            if chance.random() < 0.7:
                return
            ended += 1
            state = _subscription(f"{name}_{ended}", at, currency, price, quantity)
        elif chance.random() < 0.12:
            state = replace(state, status="canceled", ended_at=Instant(at), canceled_at=Instant(at))
        else:
            price = chance.randrange(PRICES) if chance.random() < 0.3 else price
            quantity = max(1, quantity + chance.choice([-2, -1, 1, 1, 2, 3]))
            item = Item(f"si_{state.id}", f"price_{price}_{currency}", quantity)
            if state.items[0] == item:
                continue
            state = replace(state, items=(item,))
        yield at, state


def _subscription(name: str, at: int, currency: str, price: int, quantity: int) -> Subscription:
    item = Item(f"si_sub_{name}", f"price_{price}_{currency}", quantity)
    return Subscription(f"sub_{name}", f"cus_{name[:8]}", "active", currency, Instant(at), Instant(at), (item,))


def _country(number: int) -> str:
    return COUNTRIES[zlib.crc32(b"%d" % number) % len(COUNTRIES)]
