"""The customer cube: what each customer stood at at the closings of months, and what retention is when it is read off nothing else.

It is what whoever checks a business asks for: one row a customer, one column a month, from which every figure can be computed again with
sums and conditions alone. Nothing is rounded here but amounts that are exchanged, each customer's and month's on its own, as everywhere.
Definitions are those of `metrics.retention.aggregate`; the two are held against one another by the tests and in each workbook.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from metrics.exchange_rates import Exchange, rates_on, rates_or_first, worth
from metrics.periods import add_months
from metrics.retention.segments import signup_months
from metrics.retention.spans import Book, Spans, build

YEAR: Final = 12
"""Months between the ends of the windows whose retention a cube gives."""
COUNTRY: Final = "country"

CUSTOMERS: Final = {
    "customer": pl.String,
    "signup": pl.Date,
    "account": pl.Int32,
    "country": pl.String,
    "plan": pl.String,
    "product": pl.String,
    "interval": pl.String,
}
"""What is said of a customer: the first day of the month of its first movement, then what it is at the last closing, or was when it last had MRR."""


@dataclass(frozen=True, slots=True)
class Cube:
    """MRR in micros of one currency: `mrr` has a row for each of `customers`, in order, and a column for each of `days` (their closings), named by it.

    Where money is exchanged, `mrr` is at the rate of its own day, `month_ago` and `year_ago` the same MRR at the rate of one and of twelve
    closings before: retention compares at the opening's rate. Else both are None. `elsewhere` is 1 where a customer has MRR in another
    currency than the cube's at a closing; None where nobody ever has.
    """

    days: tuple[date, ...]
    customers: pl.DataFrame
    mrr: pl.DataFrame
    month_ago: pl.DataFrame | None = None
    year_ago: pl.DataFrame | None = None
    elsewhere: pl.DataFrame | None = None

    def at(self, index: int) -> pl.Series:
        """Every customer's MRR at the closing of `days[index]`."""
        return self.mrr.to_series(index)

    def at_rate_of(self, index: int, opening: int) -> pl.Series:
        """The same at the rate of the closing of `days[opening]`, which lies one or twelve closings before."""
        table = {1: self.month_ago, YEAR: self.year_ago}[index - opening]
        return (self.mrr if table is None else table).to_series(index)

    def is_elsewhere(self, index: int) -> pl.Series:
        """Whether each customer has MRR in another currency at the closing of `days[index]`."""
        if self.elsewhere is None:
            return pl.Series([False], dtype=pl.Boolean).extend_constant(False, len(self.mrr)).head(len(self.mrr))
        return self.elsewhere.to_series(index) > 0


@dataclass(frozen=True, slots=True)
class CubePart:
    """A cube of some customers in long form, one row a customer and closing; parts of disjoint customers are stacked."""

    customers: pl.DataFrame
    cells: pl.DataFrame


def closings(first: date, last: date) -> list[date]:
    """The last days of the months from the one before `first`'s (the opening) to `last`'s."""
    month, out = add_months(first, 0), []
    while month <= add_months(last, 1):
        out.append(date.fromordinal(month.toordinal() - 1))
        month = add_months(month, 1)
    return out


def part_of(book: Book, days: Sequence[date], *, currency: str | None = None, exchange: Exchange | None = None) -> CubePart:
    """The cube of the customers of `book`: of what they pay in `currency`, or of all of it in the reporting currency of `exchange`.

    `days` are ascending. Amounts that have no rate on their day are 0 there, with all that the customer pays on that day.
    """
    spans = build(book, days)
    cells = _cells(spans)
    customers = _customers(spans, book, cells, currency)
    if exchange is None:
        return CubePart(customers, _of_currency(cells, str(currency)))
    return CubePart(customers, _exchanged(cells, exchange, days))


def cube(parts: Sequence[CubePart], days: Sequence[date]) -> Cube:
    """The cube of all parts: customers that have MRR at any of the closings, the largest at the last one first."""
    cells = pl.concat([part.cells for part in parts])
    last = cells.filter(pl.col("day") == days[-1]).select("customer", size="mrr")
    live = cells.group_by("customer").agg(pl.col("mrr").max()).filter(pl.col("mrr") > 0).select("customer")
    customers = (
        pl.concat([part.customers for part in parts])
        .join(live, on="customer", how="semi")
        .join(last, on="customer", how="left")
        .sort(["size", "customer"], descending=[True, False], nulls_last=True)
        .drop("size")
    )
    foreign = bool((cells["abroad"] > 0).any())
    several = bool((cells["elsewhere"] > 0).any())
    return Cube(
        tuple(days),
        customers,
        _wide(cells, "mrr", customers, days),
        _wide(cells, "month_ago", customers, days) if foreign else None,
        _wide(cells, "year_ago", customers, days) if foreign else None,
        _wide(cells, "elsewhere", customers, days) if several else None,
    )


def _cells(spans: Spans) -> pl.DataFrame:
    """line, customer, currency, several, day, net_micros, row: one row for each line and day."""
    count = len(spans.lines)
    rows = spans.rows.select("net_micros", "plan", "product", "interval", "account").select(pl.all().gather(spans.in_force))
    line = pl.int_range(len(rows), dtype=pl.UInt32, eager=True) % max(count, 1)
    days = pl.Series("day", [day for day in spans.days for _ in range(count)], dtype=pl.Date)
    return spans.lines.select(pl.all().gather(line)).hstack([days]).hstack(rows)


def _customers(spans: Spans, book: Book, cells: pl.DataFrame, currency: str | None) -> pl.DataFrame:
    """One row for each customer: what it is by the largest line of the last closing at which it had MRR."""
    shown = cells if currency is None else cells.filter(pl.col("currency") == currency)
    last = (
        shown.filter(pl.col("net_micros") > 0)
        .sort("customer", "day", "net_micros", "currency", descending=[False, True, True, False])
        .group_by("customer", maintain_order=True)
        .first()
        .select("customer", "account", "plan", "product", "interval", live="day")
    )
    until = spans.days[-1]
    known = book.attributes.filter(pl.col("key") == COUNTRY).sort("customer", "day")
    then = known.filter(pl.col("day") <= until).group_by("customer").last().select("customer", country="value")
    first = known.group_by("customer").first().select("customer", first_country="value")
    signup = signup_months(book.movements).with_columns((pl.col("signup") + "-01").str.to_date())
    return (
        last.join(signup, on="customer", how="left")
        .join(then, on="customer", how="left")
        .join(first, on="customer", how="left")
        .with_columns(
            pl.col("signup").fill_null(pl.col("live").dt.month_start()),
            country=pl.col("country").fill_null(pl.col("first_country")),
        )
        .select(pl.col(name).cast(kind) for name, kind in CUSTOMERS.items())
    )


def _of_currency(cells: pl.DataFrame, currency: str) -> pl.DataFrame:
    mine = pl.col("currency") == currency
    return (
        cells.group_by("customer", "day")
        .agg(
            mrr=pl.col("net_micros").filter(mine).sum(),
            elsewhere=(~mine & (pl.col("net_micros") > 0)).any().cast(pl.Int64),
            held=mine.any(),
        )
        .filter("held")
        .select("customer", "day", "mrr", month_ago="mrr", year_ago="mrr", elsewhere="elsewhere", abroad=pl.lit(0, pl.Int64))
    )


def _exchanged(cells: pl.DataFrame, exchange: Exchange, days: Sequence[date]) -> pl.DataFrame:
    """Each customer's MRR in the reporting currency, line by line at the rates of the day, and of one and of twelve closings before."""
    place = {day: index for index, day in enumerate(days)}
    before = {
        months: pl.DataFrame(
            [(day, days[max(0, index - months)]) for day, index in place.items()],
            schema={"day": pl.Date, "then": pl.Date},
            orient="row",
        )
        for months in (1, YEAR)
    }
    here = rates_on(exchange, cells.select("currency", "day"))
    net = pl.col("net_micros")
    priced = cells.hstack(here).with_columns(
        mrr=pl.when(net == 0).then(0).otherwise(worth(net, pl.col("numerator"), pl.col("denominator"))),
        abroad=((pl.col("currency") != exchange.reporting) & (net > 0)).cast(pl.Int64),
    )
    for name, months in (("month_ago", 1), ("year_ago", YEAR)):
        asked = cells.select("currency", "day").join(before[months], on="day", how="left", maintain_order="left")
        then = rates_or_first(exchange, asked.select("currency", day="then"))
        worths = cells.select("net_micros").hstack(then).select(worth(net, pl.col("numerator"), pl.col("denominator")).fill_null(0))
        priced = priced.with_columns(worths.to_series().alias(name))
    return (
        priced.group_by("customer", "day")
        .agg(
            pl.when(pl.col("mrr").is_null().any()).then(0).otherwise(pl.col("mrr").sum()).alias("mrr"),
            pl.col("month_ago").sum(),
            pl.col("year_ago").sum(),
            elsewhere=pl.lit(0, pl.Int64),
            abroad=pl.col("abroad").max(),
        )
        .select("customer", "day", "mrr", "month_ago", "year_ago", "elsewhere", "abroad")
    )


def _wide(cells: pl.DataFrame, value: str, customers: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """One column a day, rows in the order of `customers`; what isn't there is 0."""
    names = [day.isoformat() for day in days]
    wide = cells.select("customer", pl.col("day").cast(pl.String), value).pivot("day", index="customer", values=value)
    blank = [pl.lit(0, pl.Int64).alias(name) for name in names if name not in wide.columns]
    return (
        customers.select("customer")
        .join(wide.with_columns(blank), on="customer", how="left", maintain_order="left")
        .select(pl.col(name).fill_null(0).cast(pl.Int64) for name in names)
    )


# --- what is read off it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One month from closing to closing, of the whole book, in micros: what is there at one end and not at the other.

    Whoever comes and goes within the month is at neither end, so `new` and `reactivation` may differ from the movements'. `expansion`,
    `contraction` and `churn` are the month's cohort's, at the opening's rate; `fx` is what rates did to those that were there.
    """

    month: date
    opening: int
    new: int
    reactivation: int
    switched_in: int
    expansion: int
    contraction: int
    churn: int
    fx: int
    closing: int
    opening_customers: int
    new_logos: int
    returned_logos: int
    switched_in_logos: int
    lost_logos: int
    switched_out_logos: int
    closing_customers: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Retention over the twelve months that end with `month`: of those with MRR at the opening, by end points, at the opening's rate."""

    month: date
    opening: int
    end: int
    kept: int
    """Sum of the smaller of both ends: what GRR divides by the opening."""
    churn: int
    members: int
    retained: int


def steps(cube: Cube) -> list[Step]:
    """The snowball: a step for each month after the first closing."""
    return [_step(cube, index) for index in range(1, len(cube.days))]


def _step(cube: Cube, index: int) -> Step:
    month = cube.days[index].replace(day=1)
    frame = pl.DataFrame(
        {
            "a": cube.at(index - 1),
            "b": cube.at(index),
            "m": cube.at_rate_of(index, index - 1),
            "was_elsewhere": cube.is_elsewhere(index - 1),
            "is_elsewhere": cube.is_elsewhere(index),
            "signup": cube.customers["signup"],
        }
    )
    a, b, m = pl.col("a"), pl.col("b"), pl.col("m")
    came, gone, there = (a == 0) & (b > 0), (a > 0) & (m == 0), a > 0
    first = pl.col("signup") == month
    new, back, switched = (
        came & ~pl.col("was_elsewhere") & first,
        came & ~pl.col("was_elsewhere") & ~first,
        came & pl.col("was_elsewhere"),
    )
    left = gone & pl.col("is_elsewhere")
    row = frame.select(
        opening=a.sum(),
        new=b.filter(new).sum(),
        reactivation=b.filter(back).sum(),
        switched_in=b.filter(switched).sum(),
        expansion=(m - a).filter(there & (m > a)).sum(),
        contraction=(a - m).filter((m > 0) & (m < a)).sum() + a.filter(left).sum(),
        churn=a.filter(gone & ~left).sum(),
        fx=(b - m).filter(there).sum(),
        closing=b.sum(),
        opening_customers=there.sum(),
        new_logos=new.sum(),
        returned_logos=back.sum(),
        switched_in_logos=switched.sum(),
        lost_logos=(gone & ~left).sum(),
        switched_out_logos=left.sum(),
        closing_customers=(b > 0).sum(),
    )
    return Step(month, **{name: int(value) for name, value in row.row(0, named=True).items()})


def trailing(cube: Cube) -> list[Kept]:
    """Retention of twelve months, for each closing that lies twelve after the first or later."""
    return [_kept(cube, index) for index in range(YEAR, len(cube.days))]


def _kept(cube: Cube, index: int) -> Kept:
    frame = pl.DataFrame(
        {"a": cube.at(index - YEAR), "y": cube.at_rate_of(index, index - YEAR), "is_elsewhere": cube.is_elsewhere(index)}
    )
    a, y = pl.col("a"), pl.col("y")
    there, stays = a > 0, (y > 0) | pl.col("is_elsewhere")
    row = frame.select(
        opening=a.sum(),
        end=y.filter(there).sum(),
        kept=pl.min_horizontal(a, y).sum(),
        churn=a.filter(there & ~stays).sum(),
        members=there.sum(),
        retained=(there & stays).sum(),
    )
    return Kept(cube.days[index].replace(day=1), **{name: int(value) for name, value in row.row(0, named=True).items()})


def signup_cells(cube: Cube) -> pl.DataFrame:
    """signup, month, micros, customers: what is left of each sign-up month at each later closing, in order; both as first days of months."""
    months = [day.replace(day=1) for day in cube.days]
    stacked = [
        pl.DataFrame({"signup": cube.customers["signup"], "micros": cube.at(index)})
        .group_by("signup")
        .agg(pl.col("micros").sum(), customers=(pl.col("micros") > 0).sum().cast(pl.Int64))
        .select("signup", "micros", "customers", month=pl.lit(months[index]))
        for index in range(len(cube.days))
    ]
    return (
        pl.concat(stacked)
        .filter(pl.col("month") >= pl.col("signup"))
        .select("signup", "month", "micros", "customers")
        .sort("signup", "month")
    )


def largest(cube: Cube, index: int, count: int) -> list[int]:
    """The places (in `customers`) of the largest at the closing of `days[index]`, ties by the customer's name; none without MRR."""
    frame = pl.DataFrame({"customer": cube.customers["customer"], "micros": cube.at(index)}).with_row_index("place")
    return frame.filter(pl.col("micros") > 0).sort(["micros", "customer"], descending=[True, False]).head(count)["place"].to_list()


def of_the_largest(cube: Cube, index: int, count: int) -> int:
    """What the largest stand at together at the closing of `days[index]`, in micros."""
    return int(cube.at(index).sort(descending=True).head(count).sum())
