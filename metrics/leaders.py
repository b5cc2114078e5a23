"""Lists that stand behind a window's figures: the largest customers, who moved the cohort, which causes, which trials are running.

Lists of the first few can be merged like sums: the first few of all are among the first few of each bucket. They are made for the
whole book only. Ties go by the customer's name, so that the same customers come out however they were put into buckets.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from metrics.endpoints import ends_of
from metrics.figures import TOP
from metrics.periods import Window, opening
from metrics.spans import Spans

LARGEST: Final = "largest"
GAINED: Final = "gained"
LOST: Final = "lost"
TRIAL: Final = "trial"

LEADERS: Final = {
    "window": pl.UInt32,
    "currency": pl.String,
    "several": pl.Boolean,
    "ranking": pl.String,
    "customer": pl.String,
    "opening": pl.Int64,
    "closing": pl.Int64,
}
"""A customer in one of the lists, with its opening and its end at the opening's exchange rate."""
CAUSES: Final = {
    "window": pl.UInt32,
    "currency": pl.String,
    "kind": pl.String,
    "cause": pl.String,
    "micros": pl.Int64,
    "movements": pl.Int64,
}
TRIALS: Final = {"window": pl.UInt32, "currency": pl.String, "micros": pl.Int64, "trials": pl.Int64}


def first_of(leaders: pl.DataFrame) -> pl.DataFrame:
    """The TOP of each list, for each window and currency, in order."""
    size = (
        pl.when(pl.col("ranking") == LARGEST).then("opening").otherwise((pl.col("closing") - pl.col("opening")).abs())
    )
    keys = ["window", "currency", "several", "ranking"]
    ordered = leaders.with_columns(size=size).sort(*keys, "size", "customer", descending=[*[False] * 4, True, False])
    return ordered.group_by(keys, maintain_order=True).head(TOP).select(*LEADERS)


def leaders(spans: Spans, values: pl.DataFrame, standing: pl.DataFrame, windows: Sequence[Window]) -> pl.DataFrame:
    """LEADERS of one bucket: from `values` who gained and lost, from `standing` (at the openings) who is largest."""
    moved = values.filter(pl.col("was_there") & (pl.col("end") != pl.col("opening")))
    movers = moved.select(
        "window",
        "line",
        "opening",
        closing="end",
        ranking=pl.when(pl.col("end") > pl.col("opening")).then(pl.lit(GAINED)).otherwise(pl.lit(LOST)),
    )
    return first_of(named(spans, pl.concat([movers, largest(spans, standing, windows)], how="diagonal")))


def largest(spans: Spans, standing: pl.DataFrame, windows: Sequence[Window]) -> pl.DataFrame:
    """window, line, opening, closing, ranking: those who may be among the largest of a currency at the opening of each window."""
    money = spans.lines.select("currency", "several").select(pl.all().gather(standing["line"]))
    top = (
        standing.select("day", "line", "opening")
        .hstack(money)
        .sort("opening", "line", descending=[True, False])
        .group_by("day", "currency", "several", maintain_order=True)
        .head(TOP)
        .partition_by("day", as_dict=True)
    )
    net, found = spans.rows["net_micros"], []
    for number, (start, end) in enumerate(ends_of(windows, spans.days)):
        if (start,) not in top:
            continue
        here = top[(start,)]
        found.append(
            here.select(
                pl.lit(number, pl.UInt32).alias("window"),
                "line",
                "opening",
                net.gather(spans.at(end).gather(here["line"])).alias("closing"),
                pl.lit(LARGEST).alias("ranking"),
            )
        )
    schema = {"window": pl.UInt32, "line": pl.UInt32, "opening": pl.Int64, "closing": pl.Int64, "ranking": pl.String}
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def named(spans: Spans, listed: pl.DataFrame) -> pl.DataFrame:
    """`listed` with customer, currency and several instead of `line`."""
    lines = spans.lines.select("customer", "currency", "several").select(pl.all().gather(listed["line"]))
    return listed.hstack(lines).select(*LEADERS)


def causes(movements: pl.DataFrame, windows: Sequence[Window], days: Sequence[date]) -> pl.DataFrame:
    """CAUSES of one bucket: the sums between two of `days` once, then added up for each window."""
    between = pl.Series(days, dtype=pl.Date).search_sorted(movements["day"], side="left")
    summed = (
        movements.select("currency", "kind", "cause", "delta_micros", between.alias("between"))
        .group_by("between", "currency", "kind", "cause")
        .agg(micros=pl.col("delta_micros").sum(), movements=pl.len().cast(pl.Int64))
        .with_columns(
            micros=pl.when(pl.col("kind").is_in(["contraction", "churn"])).then(-pl.col("micros")).otherwise("micros")
        )
    )
    found = [
        summed.filter((pl.col("between") > start) & (pl.col("between") <= end))
        .group_by("currency", "kind", "cause")
        .agg(pl.col("micros", "movements").sum())
        .insert_column(0, pl.lit(number, pl.UInt32).alias("window"))
        for number, (start, end) in enumerate(ends_of(windows, days))
    ]
    return (
        pl.concat(found).select(*CAUSES).sort("window", "currency", "kind", "cause")
        if found
        else pl.DataFrame(schema=CAUSES)
    )


def trials(exclusions: pl.DataFrame, windows: Sequence[Window], timezone: str) -> pl.DataFrame:
    """TRIALS of one bucket: what is on trial at the closing of each window, as far as it has a price."""
    running = exclusions.filter(pl.col("reason") == TRIAL)
    found = []
    for number, window in enumerate(windows):
        at = opening(window.until, timezone)
        here = running.filter((pl.col("since") < at) & (pl.col("until").is_null() | (pl.col("until") >= at)))
        found.append(
            here.group_by("currency")
            .agg(micros=pl.col("mrr_micros").fill_null(0).sum(), trials=pl.len().cast(pl.Int64))
            .insert_column(0, pl.lit(number, pl.UInt32).alias("window"))
        )
    return pl.concat(found).select(*TRIALS).sort("window", "currency") if found else pl.DataFrame(schema=TRIALS)
