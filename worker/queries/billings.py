"""What was billed: classes by month and currency, the share outside subscriptions and what lies behind it. Amounts are micros."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final, Literal

import polars as pl

from integrations.store.db.engine import read
from integrations.store.facts.customers import customer_merge
from integrations.store.figures import billings as store
from integrations.store.work import key_value
from metrics.billings import classes, months
from metrics.billings.shares import Share
from metrics.periods import Window, add_months, months_between
from worker.figures.billings import live, moments
from worker.figures.proof import REMEMBERED, Proof, proof_of_billings
from worker.queries.session import Session

By = Literal["class", "customer", "product"]
BYS: Final = ("class", "customer", "product")


@dataclass(frozen=True, slots=True)
class Mark:
    """One sort of charges beside subscriptions: what they come to, after the discounts on them, before tax."""

    mark: str
    lines: int
    micros: int


@dataclass(frozen=True, slots=True)
class Billed:
    """What was billed in a currency within some days. `amounts` and `lines` are by class, `apart` is in no sum."""

    currency: str
    first: date
    until: date
    amounts: Mapping[str, int]
    lines: Mapping[str, int]
    apart: Mapping[str, int]
    share: Share
    marks: tuple[Mark, ...]

    @property
    def total(self) -> int:
        """What Stripe says that its invoices come to, less its credit notes."""
        return sum(self.amounts.values())


@dataclass(frozen=True, slots=True)
class Party:
    """A customer or a product in one currency: what its lines came to before tax and after the discounts known of them. `one_off` has the
    lines that can't be told, too."""

    id: str
    currency: str
    seen: int
    one_off: int
    outside: int
    lines: int

    @property
    def billed(self) -> int:
        """All of it."""
        return self.seen + self.one_off + self.outside

    @property
    def share(self) -> Fraction | None:
        """The part outside subscriptions."""
        return Share(self.outside, self.billed).ratio


@dataclass(frozen=True, slots=True)
class Billings:
    """What was billed on the days [first, until): by month and as a whole, each in every currency; and by customer or product.

    `untotalled`: invoices that an older release read; what they come to isn't known, and their lines outside only as sums.
    """

    first: date
    until: date
    months: tuple[Billed, ...]
    wholes: tuple[Billed, ...]
    customers: tuple[Party, ...]
    products: tuple[Party, ...] = ()
    untotalled: int = 0
    several_currencies: tuple[str, ...] = field(default_factory=tuple)
    """Customers that were billed in more than one currency."""


def billings(session: Session, first: date, until: date, customer: str | None = None) -> Billings:
    """What was billed on the reporting days [first, until), straight from the facts; `customer`: of one Stripe customer."""
    rows = live(session.engine, session.basis.timezone, first, until, customer)
    with read(session.engine) as connection:
        unknown = store.untotalled(connection, moments(session.basis.timezone, first, until), customer)
        pairs = sorted({(int(a), str(c)) for a, c in rows.select("account", "customer").unique().iter_rows() if c})
        named = customer_merge.names(connection, pairs) if pairs else {}
    parties = _with_names(rows, named)
    by_month = []
    for window in months_between(first, until):
        part = rows.filter(pl.col("month") == window.first)
        begin, end = max(first, window.first), min(until, window.until)
        by_month += [_billed(part, currency, begin, end) for currency in _currencies(part)]
    wholes = [_billed(rows, currency, first, until) for currency in _currencies(rows)]
    currencies = parties.filter(pl.col("customer") != "").group_by("customer").agg(pl.col("currency").n_unique())
    return Billings(
        first,
        until,
        tuple(by_month),
        tuple(wholes),
        _parties(parties, "customer"),
        _parties(rows, "product"),
        unknown,
        tuple(sorted(currencies.filter(pl.col("currency") > 1)["customer"].to_list())),
    )


def kept(session: Session, first: date | None = None, until: date | None = None) -> list[Billed]:
    """What was billed in each month that begins in [first, until), by the figures that are kept: no invoice is looked at."""
    with read(session.engine) as connection:
        rows = store.stored(connection, first, until)
    out = []
    for month in rows["month"].unique().sort():
        part = rows.filter(pl.col("month") == month)
        out += [_billed(part, currency, month, add_months(month, 1)) for currency in _currencies(part)]
    return out


def untotalled(session: Session, first: date, until: date) -> int:
    """How many invoices finalised on the reporting days [first, until) an older release read, so that it isn't known what they come to."""
    with read(session.engine) as connection:
        return store.untotalled(connection, moments(session.basis.timezone, first, until))


def proof(session: Session, first: date | None = None) -> Proof:
    """What invoices billed for every month that is over (from that of `first` on) beside the ledger: see `worker.figures.proof`. Raises
    NothingDerived."""
    return proof_of_billings(session.engine, session.basis, first=first)


@dataclass(frozen=True, slots=True)
class LastProof:
    """What the last nightly proof came to. `shares` are what is unexplained of the ledger's MRR, for each currency in which anything is; None:
    the ledger has none there. `customers` are those with something unexplained, the first of them."""

    month: date
    shares: Mapping[str, Fraction | None]
    customers: tuple[str, ...]


def last_proof(session: Session) -> LastProof | None:
    """The last nightly proof of the session's ledger; None before the first one."""
    with read(session.engine) as connection:
        found = key_value.get(connection, REMEMBERED)
    if found is None or found["basis"] != session.basis.version:
        return None
    unexplained = {code: (apart, ledger) for code, (apart, ledger) in found["unexplained"].items() if apart}
    shares = {code: Fraction(apart, ledger) if ledger else None for code, (apart, ledger) in unexplained.items()}
    return LastProof(date.fromisoformat(found["month"]), shares, tuple(found["customers"]))


def by_month(session: Session, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """Rows for files, month by month: what was billed by customer, class, mark and product; at least one frame comes."""
    with read(session.engine) as connection:
        known = sorted(store.months_of(connection))
    low = first or (known[0] if known else session.today)
    high = until or (add_months(known[-1], 1) if known else session.today)
    windows = list(months_between(low, high)) or [Window("month", add_months(low, 0), add_months(low, 1))]
    for window in windows:
        begin, end = max(low, window.first), min(high, window.until)
        rows = live(session.engine, session.basis.timezone, begin, max(begin, end))
        yield months.summed(rows, ("month", "account", "customer", "currency", "class", "mark", "product"))


def _with_names(rows: pl.DataFrame, named: Mapping[tuple[int, str], str]) -> pl.DataFrame:
    """The rows under the ledger's names of customers, so that those whom a rule makes one are one."""
    other = [(account, customer, name) for (account, customer), name in named.items() if name != customer]
    if not other:
        return rows
    renamed = pl.DataFrame(other, schema={"account": pl.Int64, "customer": pl.String, "called": pl.String}, orient="row")
    found = rows.join(renamed, on=["account", "customer"], how="left")
    return found.with_columns(pl.coalesce("called", "customer").alias("customer")).drop("called")


def _currencies(rows: pl.DataFrame) -> list[str]:
    return [str(code) for code in rows["currency"].unique().sort()]


def _billed(rows: pl.DataFrame, currency: str, first: date, until: date) -> Billed:
    mine = rows.filter(pl.col("currency") == currency)
    sums = months.summed(mine, ("currency", "class"))
    amounts = {str(r["class"]): int(r["micros"]) for r in sums.iter_rows(named=True)}
    lines = {str(r["class"]): int(r["lines"]) for r in sums.iter_rows(named=True)}
    net = mine.filter(pl.col("class").is_in([classes.ONE_OFF, classes.OUTSIDE]))
    marks = months.summed(net, ("currency", "mark")).with_columns((pl.col("micros") - pl.col("discount_micros")).alias("net"))
    ordered = {name: amounts[name] for name in classes.ORDER if name in amounts}
    return Billed(
        currency,
        first,
        until,
        {name: micros for name, micros in ordered.items() if name in classes.SUMMED},
        lines,
        {name: micros for name, micros in ordered.items() if name not in classes.SUMMED},
        months.share(mine),
        tuple(
            Mark(str(r["mark"]), int(r["lines"]), int(r["net"]))
            for r in marks.sort("net", "mark", descending=[True, False]).iter_rows(named=True)
        ),
    )


def _parties(rows: pl.DataFrame, key: Literal["customer", "product"]) -> tuple[Party, ...]:
    """Customers (whose discounts count against what subscriptions bill, unless they are known of a line outside) or products, the largest
    outside first."""
    group = pl.col("class")
    net = pl.col("micros") - pl.col("discount_micros")
    # What an invoice's discounts took off beyond those that are known of single lines was taken off subscriptions.
    discounted = (
        pl.when(group == classes.DISCOUNT).then("micros").otherwise(0) + pl.col("discount_micros")
        if key == "customer"
        else pl.lit(0)
    )
    found = (
        rows.filter(group.is_in([*classes.LINES, classes.DISCOUNT]) if key == "customer" else group.is_in(classes.LINES))
        .with_columns(discounted.alias("off"))
        .group_by(key, "currency")
        .agg(
            (pl.when(group.is_in(classes.SEEN)).then(net).otherwise(0) + pl.col("off")).sum().alias("seen"),
            pl.when(group.is_in([classes.ONE_OFF, classes.UNTOLD])).then(net).otherwise(0).sum().alias("one_off"),
            pl.when(group == classes.OUTSIDE).then(net).otherwise(0).sum().alias("outside"),
            pl.when(group.is_in(classes.LINES)).then("lines").otherwise(0).sum().alias("lines"),
        )
        .with_columns((pl.col("seen") + pl.col("one_off") + pl.col("outside")).alias("all"))
        # Amounts of several currencies compare by what they are of their own.
        .with_columns((pl.col("outside", "all") / pl.col("all").abs().sum().over("currency")).name.prefix("part_"))
        .sort("part_outside", "part_all", key, "currency", descending=[True, True, False, False])
    )
    return tuple(
        Party(str(r[key]), str(r["currency"]), int(r["seen"]), int(r["one_off"]), int(r["outside"]), int(r["lines"]))
        for r in found.iter_rows(named=True)
    )
