"""The whole book in the reporting currency: what each customer did between the ends of a window, whatever it pays in.

Only customers that pay in another currency, or in several, are worked out here; the others' figures are the same as in their own
currency. Retention is at constant currency (both ends at the opening's rate), a movement is worth what it was on its day, and what
rates did to what stood in between is `fx`. A customer that pays in a currency that has no rate yet when one is needed is left out of
that window and shown apart. Conversion itself is in `metrics.exchange_rates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from metrics.exchange_rates import Exchange, rates_on, rates_or_first, worth
from metrics.periods import Window
from metrics.retention.spans import BEGINNING, FLOWS, MEASURES, Book, Spans, build, sized_by_kind
from metrics.retention.window_changes import COMPANIONS, ends_of, pairs, values

_MONEY = [name for name in COMPANIONS if name != "subscriptions"]
_SUMMED = ["opening", "end", "closing", "fx", *COMPANIONS, *FLOWS]
_BANDED = ["size_micros", "usage_micros"]


@dataclass(frozen=True, slots=True)
class Expressed:
    """`values` as `metrics.retention.window_changes.values` has them, in the reporting currency, one row a customer and window, with size_micros and
    usage_micros of the span at `row`. `apart`: window, currency, customers of what has no rate; `left_out`: window, customer of who is therefore in no sum of a window. `spans`, `book`: what rows and lines refer to.
    `movements`: with their size in the reporting currency, and the kind that they are of in all currencies together."""

    book: Book
    spans: Spans
    values: pl.DataFrame
    movements: pl.DataFrame
    apart: pl.DataFrame
    left_out: pl.DataFrame


def express(book: Book, windows: Sequence[Window], days: Sequence[date], exchange: Exchange, keys: Sequence[str]) -> Expressed:
    """The customers of `book` that pay in something else than only the reporting currency, expressed in it."""
    abroad = _abroad(book, exchange.reporting)
    movements = exchanged(abroad.movements, exchange)
    spans = build(abroad, days, keys=keys, moved=_flows(movements))
    found = pairs(spans, windows, unchanged=True)
    lines = spans.lines.select("customer", "currency", "several").select(pl.all().gather(found["line"]))
    ends = [(days[a], days[b]) for a, b in ends_of(windows, days)]
    at = pl.DataFrame(ends, schema={"t0": pl.Date, "t1": pl.Date}, orient="row").select(pl.all().gather(found["window"]))
    needed = rates_on(exchange, _first_needed(spans, found, at["t0"]).to_frame("day").with_columns(lines["currency"]))
    unrated = found.select("window").hstack(lines).filter(needed["numerator"].is_null())
    then = rates_or_first(exchange, lines.select("currency", day=at["t0"]))
    now = rates_or_first(exchange, lines.select("currency", day=at["t1"]))
    rated = values(spans, found).hstack(then.select(pl.all().name.suffix("_0"))).hstack(now.select(pl.all().name.suffix("_1")))
    kept = (
        _worths(rated, spans, _revalued(spans, exchange))
        .hstack(lines.select("customer", "several"))
        .join(unrated, on=["window", "customer"], how="anti", maintain_order="left")
    )
    one = kept.filter(~pl.col("several")).drop("customer", "several", "numerator_0", "denominator_0")
    return Expressed(
        abroad,
        spans,
        pl.concat([one, _together(kept.filter("several"), spans).select(one.columns)]),
        movements,
        unrated.group_by("window", "currency").agg(customers=pl.len().cast(pl.Int64)).sort("window", "currency"),
        unrated.select("window", "customer").unique(),
    )


def _first_needed(spans: Spans, pairs: pl.DataFrame, opening: pl.Series) -> pl.Series:
    """The first day on which a rate is needed: the opening's where something stands there, else that of the first change after it."""
    rows = spans.rows
    change = pl.when(pl.col("state") != pl.col("state").shift(-1)).then(pl.col("day").shift(-1)).backward_fill()
    at_a = rows.select(anything=pl.any_horizontal(pl.col(name) != 0 for name in MEASURES), change=change)
    return (
        at_a.select(pl.all().gather(pairs["a"]))
        .select(pl.when("anything").then(opening).otherwise("change").alias("day"))
        .to_series()
    )


def _abroad(book: Book, home: str) -> Book:
    lines = pl.concat([book.standings.select("customer", "currency"), book.movements.select("customer", "currency")])
    customers = lines.filter(pl.col("currency") != home).select("customer").unique()
    return replace(
        book,
        standings=book.standings.join(customers, on="customer", how="semi"),
        movements=book.movements.join(customers, on="customer", how="semi"),
        attributes=book.attributes.join(customers, on="customer", how="semi"),
    )


def exchanged(movements: pl.DataFrame, exchange: Exchange) -> pl.DataFrame:
    """`movements` with before, after and delta at their own day's rate, and the kind they are of in all currencies together.

    All changes of one customer on one day are one movement: a move from one currency into another is an expansion or a
    contraction by what it comes to. Before a currency's first rate that one stands in, since such windows are shown apart anyway.
    """
    rates = rates_or_first(exchange, movements.select("currency", "day"))
    priced = movements.hstack(rates).with_columns(
        worth(pl.col(name), pl.col("numerator"), pl.col("denominator")).fill_null(0) for name in ("before_micros", "after_micros")
    )
    stays = pl.col("kind").is_in(["expansion", "contraction"])
    return (
        priced.with_columns(delta_micros=pl.col("after_micros") - pl.col("before_micros"))
        .with_columns(
            together=pl.when(stays).then("delta_micros").otherwise(0).sum().over("customer", "day"),
            several=pl.col("currency").n_unique().over("customer", "day") > 1,
        )
        .with_columns(
            kind=pl.when(stays & pl.col("several"))
            .then(pl.when(pl.col("together") < 0).then(pl.lit("contraction")).otherwise(pl.lit("expansion")))
            .otherwise("kind")
        )
        .drop("numerator", "denominator", "together", "several")
    )


def _flows(movements: pl.DataFrame) -> pl.DataFrame:
    """The flows of movements in the reporting currency: a logo counts once for a customer and day, whatever it pays in."""
    first = pl.col("currency") == pl.col("currency").min().over("customer", "day", "kind")
    counted = {"new_logos": "new", "returned_logos": "reactivation", "lost_logos": "churn"}
    return movements.select(
        "customer",
        "currency",
        "day",
        *sized_by_kind(pl.col("delta_micros")),
        **{name: (first & (pl.col("kind") == kind)).cast(pl.Int64) for name, kind in counted.items()},
        switched_logos=pl.lit(0, pl.Int64),
    )


def _revalued(spans: Spans, exchange: Exchange) -> pl.Series:
    """For each span what rates have done to its line before it, less its worth on its first day.

    With its worth on a later day it makes what rates have done up to there; two such sums of one line differ by the fx between.
    """
    rows = spans.rows.select("line", "day", "net_micros").with_columns(currency=spans.lines["currency"].gather(spans.rows["line"]))
    here = rates_or_first(exchange, rows.select("currency", "day"))
    until = pl.when(pl.col("line") == pl.col("line").shift(-1)).then(pl.col("day").shift(-1)).otherwise("day")
    there = rates_or_first(exchange, rows.select("currency", until.alias("day")))
    net = pl.col("net_micros")
    both = rows.hstack(here).hstack(there.select(pl.all().name.suffix("_then")))
    sums = both.select(
        since=worth(net, pl.col("numerator"), pl.col("denominator")).fill_null(0),
        until=worth(net, pl.col("numerator_then"), pl.col("denominator_then")).fill_null(0),
    )
    gained = pl.col("until") - pl.col("since")
    return sums.select(gained.cum_sum() - gained - pl.col("since")).to_series()


def _worths(rated: pl.DataFrame, spans: Spans, revalued: pl.Series) -> pl.DataFrame:
    """`rated` values with everything in the reporting currency, fx, and what bands are made by at `row`."""
    then = (pl.col("numerator_0"), pl.col("denominator_0"))
    now = (pl.col("numerator_1"), pl.col("denominator_1"))
    at_row = spans.rows.select(size_micros="net_micros", usage_micros="usage_micros").select(pl.all().gather(rated["row"]))
    at_a, at_b = revalued.gather(rated["a"]), revalued.gather(rated["b"])
    return (
        rated.hstack(at_row)
        .with_columns(
            *(worth(pl.col(name), *then).alias(name) for name in ("opening", "end", "lowest", *_BANDED)),
            *(worth(pl.col(name), *now).alias(name) for name in ("closing", *_MONEY)),
        )
        .with_columns(fx=at_b + pl.col("closing") - at_a - pl.col("opening"))
        .drop("numerator_1", "denominator_1")
    )


def _together(values: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """One row for each customer and window of those that pay in several currencies.

    It is in the segment of what it pays most for at the opening, or else of what it first arrives with (ties: the first currency),
    and in the band of all that stands at the opening, or else of that arrival.
    """
    arrives = spans.rows.select("live", "day").select(pl.all().gather(values["row"]))
    ordered = (
        values.with_columns(
            arrives["live"], pl.when(pl.col("was_there")).then(pl.lit(BEGINNING)).otherwise(arrives["day"]).alias("since")
        )
        .with_columns(since=pl.when("live").then("since"))
        .sort(
            "window",
            "customer",
            "was_there",
            "since",
            "size_micros",
            "line",
            descending=[False, False, True, False, True, False],
            nulls_last=True,
        )
    )
    lowest = _lowest_together(values, spans)
    return (
        ordered.group_by("window", "customer", maintain_order=True)
        .agg(
            pl.col("line", "a", "b", "row").first(),
            pl.col(_SUMMED).sum(),
            *(
                pl.when(pl.col("was_there").any())
                .then(pl.col(name).filter("was_there").sum())
                .otherwise(pl.col(name).first())
                .alias(name)
                for name in _BANDED
            ),
            pl.col("was_there", "is_there", "stays").any(),
        )
        .join(lowest, on=["window", "customer"])
    )


def _lowest_together(values: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """window, customer, lowest: the least that all of a customer's lines came to on any day of the window, at the opening's rates."""
    spanned = values.select("window", "customer", "line", "numerator_0", "denominator_0", row=pl.int_ranges("a", pl.col("b") + 1))
    steps = spanned.explode("row", empty_as_null=False)
    there = spans.rows.select("day", "net_micros").select(pl.all().gather(steps["row"]))
    line = ["window", "customer", "line"]
    stands = worth(pl.col("net_micros"), pl.col("numerator_0"), pl.col("denominator_0"))
    return (
        steps.hstack(there)
        .with_columns(stands=stands)
        .with_columns(
            step=pl.col("stands") - pl.col("stands").shift().over(line, order_by="row").fill_null(0),
            day=pl.when(pl.col("row") == pl.col("row").min().over(line)).then(pl.lit(BEGINNING)).otherwise("day"),
        )
        .group_by("window", "customer", "day")
        .agg(pl.col("step").sum())
        .sort("window", "customer", "day")
        .with_columns(total=pl.col("step").cum_sum().over("window", "customer"))
        .group_by("window", "customer")
        .agg(lowest=pl.col("total").min())
    )
