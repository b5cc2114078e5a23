"""Ledgers for tests: written by hand, or drawn at random, always such that standings and movements agree."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import polars as pl
from hypothesis import strategies as st

from metrics.retention.spans import ATTRIBUTES, MOVEMENTS, STANDINGS, Book

START = date(2024, 1, 1)


@dataclass(frozen=True)
class Stand:
    """What a customer stands at from a day on, in major units for short hand-made tables (`net=100` is 100 micros: the engine never asks)."""

    customer: str
    day: date
    net_micros: int
    currency: str = "usd"
    list_micros: int = 0
    at_risk_micros: int = 0
    scheduled_micros: int = 0
    usage_micros: int = 0
    subscriptions: int = 1
    plan: str | None = "basic"
    product: str | None = "app"
    interval: str | None = "month"
    account: int = 1
    cause: str = "plan"


def book(
    stands: Iterable[Stand],
    attributes: Iterable[tuple[str, str, str | None, date]] = (),
    exclusions: pl.DataFrame | None = None,
) -> Book:
    """The ledger in which each customer stands so, with the movements that lead there (kinds go by the customer in all its currencies)."""
    rows = sorted(stands, key=lambda s: (s.customer, s.day, s.currency))
    frames = {
        "standings": pl.DataFrame([asdict(r) for r in rows], schema={**STANDINGS, "cause": pl.String}).drop("cause"),
        "movements": pl.DataFrame(_movements(rows), schema=MOVEMENTS),
        "attributes": pl.DataFrame(list(attributes), schema=ATTRIBUTES, orient="row"),
    }
    return Book(**frames) if exclusions is None else Book(**frames, exclusions=exclusions)


def _movements(rows: list[Stand]) -> list[dict[str, object]]:
    out = []
    days: dict[tuple[str, date], list[Stand]] = defaultdict(list)
    for row in rows:
        days[row.customer, row.day].append(row)
    now: dict[str, dict[str, int]] = defaultdict(dict)
    ever: set[str] = set()
    for (customer, day), changes in sorted(days.items()):
        before = now[customer]
        after = {**before, **{c.currency: c.net_micros for c in changes}}
        was, is_there = any(before.values()), any(after.values())
        for change in changes:
            old, new = before.get(change.currency, 0), change.net_micros
            if old == new:
                continue
            if not was:
                kind = "reactivation" if customer in ever else "new"
            elif not is_there:
                kind = "churn"
            else:
                kind = "expansion" if new > old else "contraction"
            out.append(
                dict(
                    zip(
                        MOVEMENTS,
                        (customer, day, change.currency, kind, change.cause, old, new, new - old),
                        strict=True,
                    )
                )
            )
        now[customer] = after
        if is_there:
            ever.add(customer)
    return out


def days(last: int = 500) -> st.SearchStrategy[date]:
    """A day of the first months and years of a business."""
    return st.integers(0, last).map(lambda n: START + timedelta(days=n))


@st.composite
def books(draw: st.DrawFn, currencies: tuple[str, ...] = ("usd", "eur"), most: int = 8) -> Book:
    """A few customers who come, grow, shrink, leave and return, some in two currencies, with attributes that change."""
    stands, attributes = {}, []
    amounts = st.one_of(st.just(0), st.integers(1, 5), st.integers(0, 3 * 10**9))
    for number in range(draw(st.integers(0, most))):
        customer = f"c{number}"
        for _ in range(draw(st.integers(1, 7))):
            net = draw(amounts)
            stand = Stand(
                customer,
                draw(days()),
                net,
                draw(st.sampled_from(currencies)),
                list_micros=net + draw(st.sampled_from([0, 0, 7])),
                at_risk_micros=draw(st.sampled_from([0, net])),
                scheduled_micros=draw(st.sampled_from([0, net])),
                usage_micros=draw(st.sampled_from([0, 0, 3, 50_000_000])),
                subscriptions=draw(st.integers(1, 3)),
                plan=draw(st.sampled_from(["basic", "pro", "a,b", None])) if net else None,
                interval=draw(st.sampled_from(["month", "year"])),
                account=draw(st.sampled_from([1, 2])),
            )
            stands[stand.customer, stand.day, stand.currency] = stand
        keys = draw(st.lists(st.sampled_from(["country", "metadata.industry"]), max_size=4))
        attributes += [(customer, key, draw(st.sampled_from(["de", "fr", None])), draw(days())) for key in keys]
    known = {(c, k, d): (c, k, v, d) for c, k, v, d in attributes}
    return book(stands.values(), known.values())
