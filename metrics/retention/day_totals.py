"""MRR per customer as of a day, day totals, and the check that movements lead from one standing to the next.

MRR *as of* a day means at its closing: the last standing on or before it. Nothing here knows windows or rates; `metrics.retention.aggregate`
does. What is broken is returned, never raised: a run ends with the list, and a person reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from metrics.dimensions import CARRIED
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
    asked, keys = sorted(set(days)), list(dict.fromkeys(["currency", *by]))
    totals = _carried(_steps(standings, asked, keys), asked, keys)
    if by:
        totals = totals.filter(pl.any_horizontal(pl.col(name) != 0 for name in _AMOUNTS))
    return totals.select("day", *keys, "customers", *MEASURES).sort("day", *keys)


_AMOUNTS: Final = (*MEASURES, "customers")


def _steps(standings: pl.DataFrame, asked: Sequence[date], labels: Sequence[str]) -> pl.DataFrame:
    """at (an index into the days `asked`), the labels and _AMOUNTS: what each standing adds, and what its line stood at before, which it
    takes away under the labels that it had then."""
    ordered = standings.select("customer", "day", *labels, *MEASURES).sort("customer", "currency", "day")
    now = ordered.with_columns(pl.col(MEASURES).cast(pl.Int64), customers=(pl.col("net_micros") > 0).cast(pl.Int64))
    same_line = (pl.col("customer") == pl.col("customer").shift()) & (pl.col("currency") == pl.col("currency").shift())
    was = now.filter(same_line.shift(-1).fill_null(False)).select(*labels, *(-pl.col(name) for name in _AMOUNTS))
    since = now.filter(same_line.fill_null(False)).select("day")
    steps = pl.concat([now.select("day", *labels, *_AMOUNTS), was.hstack(since).select("day", *labels, *_AMOUNTS)])
    at = pl.Series(asked, dtype=pl.Date).search_sorted(steps["day"], side="left").cast(pl.Int64)
    return steps.drop("day").insert_column(0, at.alias("at")).filter(pl.col("at") < len(asked))


def _carried(steps: pl.DataFrame, asked: Sequence[date], keys: Sequence[str]) -> pl.DataFrame:
    """day, `keys` and _AMOUNTS of every day `asked` and combination of `keys`: what the steps up to it come to, zeros before the first."""
    if not asked:
        return steps.select(pl.lit(None, pl.Date).alias("day"), *keys, *_AMOUNTS).clear()
    begin = steps.select(keys).unique().with_columns(pl.lit(0, pl.Int64).alias(name) for name in ("at", *_AMOUNTS))
    summed = pl.concat([begin.select("at", *keys, *_AMOUNTS), steps.select("at", *keys, *_AMOUNTS)]).group_by("at", *keys)
    ordered = summed.agg(pl.col(_AMOUNTS).sum()).sort(*keys, "at")
    # What a combination comes to holds until its next step, so days are put in only after everything is added up.
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in keys)
    return (
        ordered.with_columns(
            pl.col(_AMOUNTS).cum_sum().over(keys),
            place=pl.int_ranges("at", pl.when(same).then(pl.col("at").shift(-1)).otherwise(len(asked))),
        )
        .explode("place", empty_as_null=False)
        .select(pl.lit(pl.Series(asked, dtype=pl.Date)).gather(pl.col("place")).alias("day"), *keys, *_AMOUNTS)
    )


TOTALLED: Final = ("", *CARRIED, "account")
"""Dimensions by which every day is totalled: the whole, and what a standing carries."""


def totals(standings: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """dimension, segment, currency, day, the MEASURES and customers of every day, by each of TOTALLED; rows of nothing but zeros are left out.

    Totals of disjoint customers add up (`added`), and what some customers made can be taken away again.
    """
    asked, labels = sorted(set(days)), [name for name in TOTALLED if name]
    steps, found = _steps(standings, asked, ["currency", *labels]), []
    for dimension in TOTALLED:
        segment = pl.col(dimension).cast(pl.String).fill_null(NONE) if dimension else pl.lit("")
        carried = _carried(steps, asked, ["currency", *([dimension] if dimension else [])])
        found.append(
            carried.filter(pl.any_horizontal(pl.col(name) != 0 for name in _AMOUNTS)).select(
                pl.lit(dimension).alias("dimension"), segment.alias("segment"), "currency", "day", *_AMOUNTS
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
