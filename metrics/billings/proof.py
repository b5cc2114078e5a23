"""Proof of billings: what invoices billed for each day against the MRR of the ledger on the same days, by customer and month.

A second witness, by another way than the engine's: no timeline, no price list, no discount rules. Each subscription or proration line says
what it bills for which time. Its amount a month (after lasting discounts, without tax) stands at the closing of each day that it covers; the
sum of a customer's lines over the days of a month, divided by these days, must be the mean of its MRR. Exact whole numbers, set-based.
Why the two may differ is in `metrics.billings.proof_rules`.
"""

from typing import Final

import polars as pl

from metrics.billings.months import reporting_day

LINES: Final = {
    "customer": pl.String,
    "currency": pl.String,
    "interval": pl.String,
    "interval_count": pl.Int64,
    "proration": pl.Boolean,
    "amount_micros": pl.Int64,
    "unit_micros": pl.Int64,
    "period_start": pl.Int64,
    "period_end": pl.Int64,
}
"""Lines of subscription items of invoices that stand. `amount_micros` is after lasting discounts and without tax, `unit_micros` one minor unit,
`interval` that of the price, null where it isn't known; moments are epoch seconds."""
STANDINGS: Final = {"customer": pl.String, "currency": pl.String, "day": pl.Date, "net_micros": pl.Int64}
"""What customers stand at from the closing of a day on, each until the next one of the customer and currency."""
KEY: Final = ("customer", "currency", "month")
PROVEN: Final = {
    "customer": pl.String,
    "currency": pl.String,
    "month": pl.Date,
    "billed_micros": pl.Int64,
    "ledger_micros": pl.Int64,
    "tolerance_micros": pl.Int64,
}
"""What comes out: the mean of a month by both ways. They may differ by `tolerance_micros`, for each line is rounded to a minor unit."""

_MONTHS: Final = {"month": (1, 1), "year": (12, 1), "week": (12, 52), "day": (12, 365)}
"""How many months an interval has, as a ratio."""
_OFFSETS: Final = {"month": "mo", "year": "y", "week": "w", "day": "d"}


def proven(lines: pl.DataFrame, standings: pl.DataFrame, timezone: str, first: pl.Expr, until: pl.Expr) -> pl.DataFrame:
    """Both means of each customer, currency and month that begins in [first, until) (days), where there is either; in order."""
    billed = _billed(lines, timezone)
    ledger = _ledger(standings, until)
    both = (
        pl.concat([billed, ledger], how="diagonal")
        .group_by(KEY)
        .agg(pl.col("billed_micros", "ledger_micros", "tolerance_micros").sum())
    )
    within = both.filter(pl.col("month") >= first, pl.col("month") < until)
    return within.select(pl.col(name).cast(kind) for name, kind in PROVEN.items()).sort(KEY)


def differing(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that are further apart than rounding explains, with `difference_micros` (billed less ledger)."""
    apart = rows.with_columns((pl.col("billed_micros") - pl.col("ledger_micros")).alias("difference_micros"))
    return apart.filter(pl.col("difference_micros").abs() > pl.col("tolerance_micros"))


def monthly(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with `whole`: what the period of which each bills all or a part would come to a month, in micros."""
    known = _with_cycle(_with_period(lines))
    top = pl.col("parts").cast(pl.Int128) * pl.col("cycle")
    bottom = pl.col("months").cast(pl.Int128) * pl.col("count") * pl.col("seconds")
    return known.with_columns((pl.col("amount_micros").cast(pl.Int128) * top // bottom).cast(pl.Int64).alias("whole"))


def _billed(lines: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """The monthly means of lines: amount ÷ months of its billing period, for the part of a period that a proration bills."""
    dated = _with_cycle(_with_period(lines)).with_columns(
        reporting_day("period_start", timezone).alias("first_day"), reporting_day("period_end", timezone).alias("end_day")
    )
    spread = _by_month(dated)
    wide = pl.Int128
    top = pl.col("parts").cast(wide) * pl.col("days").cast(wide) * pl.col("cycle").cast(wide)
    bottom = (
        pl.col("months").cast(wide) * pl.col("count").cast(wide) * pl.col("month_days").cast(wide) * pl.col("seconds").cast(wide)
    )
    return spread.select(
        *KEY,
        (pl.col("amount_micros").cast(wide) * top // bottom).cast(pl.Int64).alias("billed_micros"),
        (pl.col("unit_micros").cast(wide) * top // bottom + 2).cast(pl.Int64).alias("tolerance_micros"),
    )


def _with_period(lines: pl.DataFrame) -> pl.DataFrame:
    """How many months (`months` × `count` ÷ `parts`) a period of each line's price has; a line that bills no time is left out."""
    months = pl.col("interval").replace_strict({k: v[0] for k, v in _MONTHS.items()}, default=None, return_dtype=pl.Int64)
    parts = pl.col("interval").replace_strict({k: v[1] for k, v in _MONTHS.items()}, default=None, return_dtype=pl.Int64)
    known = lines.with_columns(
        months.alias("months"), parts.alias("parts"), (pl.col("period_end") - pl.col("period_start")).alias("seconds")
    ).filter(pl.col("seconds") > 0)
    return known.with_columns(
        # A line whose price isn't known says by its own length how long a period is.
        pl.col("interval").fill_null("day"),
        pl.when(pl.col("months").is_null()).then(pl.col("seconds") // 86_400).otherwise("interval_count").alias("count"),
        pl.col("months").fill_null(12),
        pl.col("parts").fill_null(365),
    ).filter(pl.col("count") > 0)


def _with_cycle(lines: pl.DataFrame) -> pl.DataFrame:
    """How long the whole period is of which a line bills a part or several (`cycle`, seconds): a cycle's line bills all of one, prebilling more.

    A part's whole is the cycle of the customer that ends with it, as its line says it. Only where no such line is there, the calendar does:
    an end on 28 February may belong to a period that began on 28, 29, 30 or 31 January, and the end alone can't tell.
    """
    parts = [lines.clear().with_columns(pl.lit(0, dtype=pl.Int64).alias("cycle"))]
    for (interval, count), some in lines.group_by(["interval", "count"]):
        end = pl.from_epoch("period_end", time_unit="s")
        begin = end.dt.offset_by(f"-{count}{_OFFSETS[str(interval)]}").dt.epoch("s")
        length = pl.col("period_end") - begin
        several = (pl.col("seconds") / length).round().clip(1).cast(pl.Int64)
        whole = ~pl.col("proration")
        told = some.filter(whole, several == 1).group_by("customer", "period_end").agg(pl.col("seconds").max().alias("told"))
        parts.append(
            some.join(told, on=["customer", "period_end"], how="left")
            .with_columns(
                pl.when(whole).then("seconds").otherwise(pl.coalesce("told", length)).alias("cycle"),
                pl.when(whole).then(pl.col("count") * several).otherwise("count").alias("count"),
            )
            .drop("told")
        )
    return pl.concat(parts)


def _ledger(standings: pl.DataFrame, until: pl.Expr) -> pl.DataFrame:
    """The monthly means of what customers stand at."""
    ordered = standings.sort("customer", "currency", "day")
    held = ordered.with_columns(
        pl.col("day").alias("first_day"), pl.col("day").shift(-1).over("customer", "currency").fill_null(until).alias("end_day")
    ).filter(pl.col("net_micros") != 0)
    spread = _by_month(held)
    mean = pl.col("net_micros").cast(pl.Int128) * pl.col("days") // pl.col("month_days")
    return spread.select(*KEY, mean.cast(pl.Int64).alias("ledger_micros"), pl.lit(2, dtype=pl.Int64).alias("tolerance_micros"))


def _by_month(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans of days [first_day, end_day), a row for each month that they touch, with `days` in it and its length `month_days`."""
    first, last = pl.col("first_day"), pl.col("end_day").dt.offset_by("-1d")
    numbered = spans.filter(pl.col("end_day") > pl.col("first_day")).with_columns(
        (first.dt.year() * 12 + first.dt.month() - 1).cast(pl.Int32).alias("from"),
        (last.dt.year() * 12 + last.dt.month()).cast(pl.Int32).alias("to"),
    )
    rows = numbered.with_columns(pl.int_ranges("from", "to").alias("number")).explode("number")
    month = pl.date((pl.col("number") // 12), (pl.col("number") % 12 + 1), 1)
    placed = rows.with_columns(month.alias("month")).with_columns(pl.col("month").dt.offset_by("1mo").alias("next"))
    return placed.with_columns(
        (pl.min_horizontal("end_day", "next") - pl.max_horizontal("first_day", "month")).dt.total_days().alias("days"),
        (pl.col("next") - pl.col("month")).dt.total_days().alias("month_days"),
    )
