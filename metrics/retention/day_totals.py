"""MRR per customer as of a day, day totals, and the check that movements lead from one standing to the next.

MRR *as of* a day means at its closing: the last standing on or before it. Nothing here knows windows or rates; `metrics.retention.aggregate`
does. What is broken is returned, never raised: a run ends with the list, and a person reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from metrics.entries import CARRIED
from metrics.retention.segments import NONE
from metrics.retention.spans import MEASURES, STANDINGS, flows

_VALUES = [name for name in STANDINGS if name not in ("customer", "currency", "day")]


def as_of(standings: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """day, customer, currency and the rest of the standing in force at the closing of each of `days`, with its own day as `since`.

    In order of day, customer, currency. Customers with nothing but zeros on a day are left out.
    """
    asked = sorted(set(days))
    ordered = standings.select(*STANDINGS).sort("customer", "currency", "day")
    begins = pl.Series(asked, dtype=pl.Date).search_sorted(ordered["day"], side="left").cast(pl.Int64)
    same_line = (pl.col("customer") == pl.col("customer").shift(-1)) & (pl.col("currency") == pl.col("currency").shift(-1))
    # A standing holds on the days from where it begins up to where the next one of its line does; most hold on few of them.
    held = (
        ordered.with_columns(begins=begins)
        .with_columns(until=pl.when(same_line).then(pl.col("begins").shift(-1)).otherwise(len(asked)))
        .filter((pl.col("until") > pl.col("begins")) & pl.any_horizontal(pl.col(name) != 0 for name in MEASURES))
    )
    return (
        held.with_columns(at=pl.int_ranges("begins", "until"))
        .explode("at", empty_as_null=False)
        .select(
            pl.lit(pl.Series(asked, dtype=pl.Date)).gather(pl.col("at")).alias("day"),
            "customer",
            "currency",
            *_VALUES,
            since="day",
        )
        .sort("day", "customer", "currency")
    )


def day_totals(standings: pl.DataFrame, days: Sequence[date], by: Sequence[str] = ()) -> pl.DataFrame:
    """day, currency, the columns `by` (any of the standing's labels, or columns put beside them), customers, and the sums of the MEASURES.

    Every day and currency that ever had a standing has its row, with zeros before the first; combinations of `by` only where something stands.
    The rows of one day add up to its total exactly.
    """
    asked = pl.DataFrame({"day": sorted(set(days))}, schema={"day": pl.Date})
    keys = ["currency", *by]
    # Each standing takes away what its line stood at before, under the labels it had then, and puts what it stands at now.
    extra = [name for name in by if name not in STANDINGS]
    ordered = standings.select(*STANDINGS, *extra).sort("customer", "currency", "day")
    amounts = [*MEASURES, "customers"]
    now = ordered.with_columns(pl.col(MEASURES).cast(pl.Int64), customers=(pl.col("net_micros") > 0).cast(pl.Int64))
    same_line = (pl.col("customer") == pl.col("customer").shift()) & (pl.col("currency") == pl.col("currency").shift())
    was = now.select(
        "day",
        "currency",
        *(pl.col(name).shift().alias(name) for name in by if name != "currency"),
        *(-pl.col(name).shift() for name in amounts),
        same_line=same_line,
    ).filter("same_line")
    steps = pl.concat([now.select("day", *dict.fromkeys(keys), *amounts), was.select("day", *dict.fromkeys(keys), *amounts)])
    between = asked["day"].search_sorted(steps["day"], side="left")
    summed = (
        steps.with_columns(at=between)
        .filter(pl.col("at") < len(asked))
        .group_by("at", *dict.fromkeys(keys))
        .agg(pl.col(amounts).sum())
    )
    groups = summed.select(*dict.fromkeys(keys)).unique()
    grid = groups.join(asked.with_row_index("at"), how="cross")
    totals = (
        grid.join(summed, on=["at", *dict.fromkeys(keys)], how="left", nulls_equal=True)
        .sort(*dict.fromkeys(keys), "at")
        .with_columns(pl.col(amounts).fill_null(0).cum_sum().over(*dict.fromkeys(keys)))
    )
    if by:
        totals = totals.filter(pl.any_horizontal(pl.col(name) != 0 for name in amounts))
    return totals.select("day", *dict.fromkeys(keys), "customers", *MEASURES).sort("day", *dict.fromkeys(keys))


TOTALLED: Final = ("", *CARRIED, "account")
"""Dimensions by which every day is totalled: the whole, and what a standing carries."""


def totals(standings: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """dimension, segment, currency, day, the MEASURES and customers of every day, by each of TOTALLED; rows of nothing but zeros are left out.

    Totals of disjoint customers add up (`added`), and what some customers made can be taken away again.
    """
    found = []
    for dimension in TOTALLED:
        by = [dimension] if dimension else []
        segment = pl.col(dimension).cast(pl.String).fill_null(NONE) if dimension else pl.lit("")
        found.append(
            day_totals(standings, days, by).select(
                pl.lit(dimension).alias("dimension"), segment.alias("segment"), "currency", "day", *MEASURES, "customers"
            )
        )
    return added(found)


def added(some: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames of `totals` added up, without rows of nothing but zeros, in order."""
    keys = ["dimension", "segment", "currency", "day"]
    summed = pl.concat(some).group_by(keys).agg(pl.col(*MEASURES, "customers").sum())
    return summed.filter(pl.any_horizontal(pl.col(name) != 0 for name in (*MEASURES, "customers"))).sort(keys)


def less(totals: pl.DataFrame) -> pl.DataFrame:
    """What takes `totals` away when it is added."""
    return totals.with_columns(-pl.col(*MEASURES, "customers"))


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the ledger contradicts itself. `customer` is None for the total of a currency over the whole range."""

    customer: str | None
    day: date
    currency: str
    what: str
    expected_micros: int
    found_micros: int

    def __str__(self) -> str:
        who = f"customer {self.customer}" if self.customer else "all customers together"
        return f"{who}, {self.day}, {self.currency}: {self.what}: expected {self.expected_micros}, found {self.found_micros}"


def check_identity(movements: pl.DataFrame, standings: pl.DataFrame, first: date, until: date) -> list[Break]:
    """Every break of opening + new + reactivation + expansion − contraction − churn = closing in the days [first, until).

    Checked for each customer, currency and day, with each movement beginning where the customer stood and its kind fitting its
    direction; and for each currency's total over the whole range, by a way of its own. Empty is what a run must end with.
    """
    return [*_day_breaks(movements, standings, first, until), *_total_breaks(movements, standings, first, until)]


def _day_breaks(movements: pl.DataFrame, standings: pl.DataFrame, first: date, until: date) -> list[Break]:
    keys = ["customer", "currency", "day"]
    stood = (
        standings.select(*keys, "net_micros")
        .sort(keys)
        .with_columns(before=pl.col("net_micros").shift().over("customer", "currency", order_by="day").fill_null(0))
    )
    moved = (
        flows(movements)
        .group_by(keys)
        .agg(
            signed=(pl.col("new") + pl.col("reactivation") + pl.col("expansion") - pl.col("contraction") - pl.col("churn")).sum(),
            wrong_way=pl.min_horizontal("new", "reactivation", "expansion", "contraction", "churn").min(),
        )
    )
    ends = movements.group_by(keys, maintain_order=True).agg(
        starts=pl.col("before_micros").first(),
        stated=(pl.col("after_micros") - pl.col("before_micros")).sum(),
        delta=pl.col("delta_micros").sum(),
    )
    moved = moved.join(ends, on=keys)
    # What a movement must begin at is where the line stood before its day, on days without a standing too.
    both = (
        stood.join(moved, on=keys, how="full", coalesce=True)
        .sort(keys)
        .with_columns(stands=pl.col("net_micros").forward_fill().over("customer", "currency", order_by="day").fill_null(0))
        .with_columns(before=pl.col("stands").shift().over("customer", "currency", order_by="day").fill_null(0))
        .filter((pl.col("day") >= first) & (pl.col("day") < until))
    )
    checks = {
        "movements do not lead to the standing": (pl.col("stands") - pl.col("before"), pl.col("signed").fill_null(0)),
        "the movement does not begin where the customer stood": (
            pl.col("before"),
            pl.col("starts").fill_null(pl.col("before")),
        ),
        "the movement's ends and its size differ": (pl.col("stated").fill_null(0), pl.col("delta").fill_null(0)),
        "the movement's kind goes the other way": (pl.lit(0, pl.Int64), pl.col("wrong_way").fill_null(0)),
    }
    out = []
    for what, (expected, found) in checks.items():
        broken = both.select(*keys, expected=expected, found=found).filter(pl.col("expected") != pl.col("found"))
        out += [
            Break(r["customer"], r["day"], r["currency"], what, r["expected"], r["found"]) for r in broken.iter_rows(named=True)
        ]
    return sorted(out, key=lambda b: (b.customer or "", b.currency, b.day, b.what))


def _total_breaks(movements: pl.DataFrame, standings: pl.DataFrame, first: date, until: date) -> list[Break]:
    last = until - timedelta(days=1)
    ends = day_totals(standings, [first - timedelta(days=1), last])
    opening = ends.filter(pl.col("day") < first).select("currency", opening="net_micros")
    closing = ends.filter(pl.col("day") == last).select("currency", closing="net_micros")
    within = movements.filter((pl.col("day") >= first) & (pl.col("day") < until))
    moved = (
        flows(within)
        .group_by("currency")
        .agg(moved=(pl.col("new") + pl.col("reactivation") + pl.col("expansion") - pl.col("contraction") - pl.col("churn")).sum())
    )
    both = closing.join(opening, on="currency", how="full", coalesce=True).join(moved, on="currency", how="full", coalesce=True)
    broken = both.with_columns(pl.col("opening", "closing", "moved").fill_null(0)).filter(
        pl.col("opening") + pl.col("moved") != pl.col("closing")
    )
    what = "opening and movements do not make the closing"
    return [
        Break(None, last, r["currency"], what, r["closing"], r["opening"] + r["moved"])
        for r in broken.sort("currency").iter_rows(named=True)
    ]
