"""Customers in the window: a list to search, and one customer's page with its timeline and the evidence down to Stripe's objects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from integrations.notify.sanitize import plain
from integrations.report import charts
from integrations.report.content import (
    Arithmetic,
    Block,
    Cell,
    Chart,
    Charts,
    Document,
    Explanations,
    Field,
    Lines,
    Link,
    Section,
    Stat,
    Stats,
    Table,
    Terms,
    Text,
)
from metrics.finding_words import words_of
from metrics.labels import cause_name
from metrics.ledger.explain import MovementWords
from metrics.money import MICROS_PER_MAJOR
from metrics.number_words import money
from metrics.periods import months_between
from worker.queries.customers import Explained, explained, in_stripe, names_of, resolve
from worker.queries.movements import movements
from worker.queries.provenance import Provenance, provenance
from worker.queries.session import Session
from worker.queries.snapshots import closing
from worker.queries.standing import complete_through
from worker.report import numbers
from worker.report.customers import dashboard_of, steps_of, window_path
from worker.serve.sessions import Sessions, Unknown

SHOWN: Final = 100
_MOVEMENTS: Final = 200


def listing(sessions: Sessions, asked: Mapping[str, str]) -> Document:
    """The largest customers at the closing of the last complete day, or those whose id or name holds what is searched for."""
    session = sessions.at(asked.get("policy", ""))
    day = complete_through(session)
    wanted = plain(asked.get("q", ""), 80)
    standing = closing(session, day).sort("net_micros", descending=True, maintain_order=True)
    if wanted:
        standing = _matching(sessions, session, standing, wanted)
    several = standing["currency"].n_unique() > 1
    rows = list(standing.head(SHOWN).iter_rows(named=True))
    names = names_of(session, [row["customer"] for row in rows]) if sessions.names else {}
    table: tuple[tuple[Cell, ...], ...] = tuple(
        (
            _who(row["customer"], names),
            numbers.amount(row["net_micros"], row["currency"]),
            numbers.whole(row["subscriptions"]),
            numbers.amount(row["at_risk_micros"], row["currency"]) if row["at_risk_micros"] else "",
            numbers.amount(row["scheduled_micros"], row["currency"]) if row["scheduled_micros"] else "",
        )
        for row in rows
    )
    columns = ("customer", "MRR", "subscriptions", "at risk", "scheduled to end")
    more = f"and {standing.height - SHOWN:,} more; search for one" if standing.height > SHOWN else ""
    found: Block = (
        Table("customers", f"MRR at the closing of {day}", columns, table, frozenset({1, 2, 3, 4}), more=more)
        if rows
        else Text((f"Nobody with MRR at the closing of {day}" + (f" is called {wanted}." if wanted else "."),))
    )
    notes = ("Ordered by the amount, whatever the currency.",) if several and rows else ()
    blocks = (found, *((Text(notes, "quiet"),) if notes else ()))
    return Document(
        "Customers",
        "",
        (f"{standing.height:,} found",),
        (Section("list", "Customers with MRR", blocks),),
        form=(Field("q", "Id or name", wanted, kind="text"),),
        form_action="/customers",
    )


def _matching(sessions: Sessions, session: Session, standing: pl.DataFrame, wanted: str) -> pl.DataFrame:
    """Those whose id holds the text, or whose name does; a customer without MRR is found by its whole id."""
    everybody = standing["customer"].to_list()
    names = names_of(session, everybody) if sessions.names else {}
    low = wanted.lower()
    mine = [c for c in everybody if low in c.lower() or low in names.get(c, "").lower()]
    return standing.filter(pl.col("customer").is_in(mine))


def _who(customer: str, names: Mapping[str, str]) -> Cell:
    name = plain(names.get(customer, ""), 80)
    shown = plain(customer, 80)
    return Lines((Link(name or shown, window_path(customer)), *([shown] if name else [])))


def page(sessions: Sessions, asked: Mapping[str, str]) -> Document:
    """One customer: what it stands at, its MRR over time, each movement explained, what is left out and what was found. Raises Unknown."""
    session = sessions.at(asked.get("policy", ""))
    found = explained(session, resolve(session, asked.get("id", ""))) if asked.get("id") else []
    if not found:
        raise Unknown(f"nothing is known of a customer {plain(asked.get('id', ''), 80)}")
    each = found[0]
    customer = each.ledger.customer
    name = plain(names_of(session, [customer]).get(customer, ""), 80) if sessions.names else ""
    source = provenance(session)
    ways = [
        Link(f"{who.customer} in Stripe", address)
        for who in in_stripe(session, [customer]).get(customer, [])
        if (address := dashboard_of(who)) is not None
    ]
    moved = movements(session, customer=customer)
    sections = [
        Section(
            "mrr", "MRR", (*_standing(session, moved), *([Text(("Open it in Stripe's dashboard:",)), *_ways(ways)] if ways else []))
        ),
        Section("movements", "Movements", _movements(each, source)),
        _beside(each),
    ]
    return Document(name or plain(customer, 80), "Customer", (plain(customer, 80),) if name else (), tuple(sections))


def _ways(ways: Sequence[Link]) -> list[Block]:
    return [Terms(tuple((f"Stripe customer {n + 1}" if len(ways) > 1 else "Stripe customer", way) for n, way in enumerate(ways)))]


def _standing(session: Session, moved: pl.DataFrame) -> list[Block]:
    """What it stands at in each currency, and the months behind it."""
    if moved.is_empty():
        return [Text(("This customer never had MRR.",))]
    stats, drawn = [], []
    for (currency,), rows in moved.sort("day").group_by("currency", maintain_order=True):
        code = str(currency)
        days, after = rows["day"].to_list(), rows["after_micros"].to_list()
        stats.append(Stat(f"MRR, {code.upper()}", numbers.amount(after[-1], code), (f"since {days[-1]}",)))
        drawn.append(_chart(session.today, days, after, code))
    return [Stats(tuple(stats)), Charts(tuple(drawn), "large")]


def _chart(today: date, days: Sequence[date], after: Sequence[int], code: str) -> Chart:
    """MRR at each month's end, from the first movement on."""
    labels, values = [], []
    for window in months_between(days[0], today + timedelta(days=1)):
        last = [micros for day, micros in zip(days, after, strict=True) if day < window.until]
        labels.append(f"{window.first:%Y-%m}")
        values.append((last[-1] if last else 0) / MICROS_PER_MAJOR)
    series = charts.Series(labels, values)
    shown = lambda value: numbers.compact(round(value * MICROS_PER_MAJOR))  # noqa: E731  # given to two charts
    alt = f"MRR at each month's end, {code.upper()}: {money(after[0], code)} after {days[0]}, {money(after[-1], code)} after {days[-1]}."
    return Chart(
        f"MRR at each month's end, {code.upper()}",
        alt,
        charts.amounts(series, shown, size=(760, 200)),
        charts.amounts(series, shown),
    )


def _movements(each: Explained, source: Provenance) -> tuple[Block, ...]:
    mine = list(reversed(each.movements))
    if not mine:
        return (Text(("Nothing moved.",)),)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            Link(m.date, f"#m{n}"),
            m.kind,
            cause_name(m.cause),
            numbers.amount(m.before_micros, m.currency),
            numbers.amount(m.after_micros, m.currency),
            numbers.amount(m.delta_micros, m.currency, signed=True),
        )
        for n, m in enumerate(mine[:_MOVEMENTS])
    )
    columns = ("day", "kind", "cause", "before", "after", "change")
    more = f"and {len(mine) - _MOVEMENTS} older ones: nrr explain CUSTOMER" if len(mine) > _MOVEMENTS else ""
    whys = tuple(_why(n, m, source) for n, m in enumerate(mine[:_MOVEMENTS]))
    return (
        Table("movements", "Newest first", columns, rows, frozenset({3, 4, 5}), more=more),
        Explanations("Why, down to Stripe's objects", whys),
    )


def _why(number: int, m: MovementWords, source: Provenance) -> Arithmetic:
    return Arithmetic(f"m{number}", plain(m.words, 300), tuple(steps_of(m, source)[1:]))


def _beside(each: Explained) -> Section:
    """What of it is left out of MRR, and what was found about its data."""
    out: tuple[tuple[Cell, ...], ...] = tuple(
        (
            plain(e.object_id, 90),
            e.reason.replace("_", " "),
            _day(e.since),
            _day(e.until),
            numbers.amount(e.mrr_micros, e.currency),
        )
        for e in each.ledger.exclusions
    )
    noted: tuple[tuple[Cell, ...], ...] = tuple(
        (plain(f.object_id, 90), f.reason.replace("_", " "), plain(f.detail, 400), words_of(f.reason).next_step)
        for f in each.ledger.findings
    )
    blocks: list[Block] = []
    if out:
        columns = ("object", "reason", "from", "to", "would be worth")
        blocks.append(Table("excluded", "Left out of MRR", columns, out, frozenset({4})))
    if noted:
        blocks.append(Table("noted", "Found about its data", ("object", "reason", "what", "next step"), noted))
    if not blocks:
        blocks.append(Text(("Nothing is left out, and nothing about its data needs to be known.",)))
    return Section("beside", "What is left out, and what was found", tuple(blocks))


def _day(at: int | None) -> str:
    return "now" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
