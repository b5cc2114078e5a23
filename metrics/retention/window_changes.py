"""What each customer did between the two ends of a window, one row a customer, currency and window.

Only those rows are made that are needed: a customer whose span is the same at both ends has done nothing, and what it stands at is
counted once for the opening day (`standing_at`), shared by all windows that open there. So the cost follows the changes, not
customers × windows. The result is ready to be summed by segment; `metrics.retention.aggregate` does that.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl

from metrics.periods import Window
from metrics.retention.figures import SQUARES
from metrics.retention.spans import FLOWS, MEASURES, Spans

SUMS: Final = (
    "opening",
    "expansion",
    "contraction",
    "churn",
    "closing",
    "fx",
    "opening_customers",
    "closing_customers",
    "retained_customers",
    "lowest",
    "list",
    "at_risk",
    "scheduled",
    "usage",
    "subscriptions",
    "new",
    "reactivation",
    "flow_expansion",
    "flow_contraction",
    "flow_churn",
    "new_logos",
    "returned_logos",
    "lost_logos",
    "switched_logos",
    "arrivals_expansion",
    "arrivals_contraction",
    "arrivals_churn",
    "member_returns",
    *SQUARES,
)
"""Everything that is summed over customers. Micros but for customers, logos and subscriptions, and for SQUARES; see `metrics.retention.figures.Figures`."""

COMPANIONS: Final = {name.removesuffix("_micros"): name for name in MEASURES[1:]}
"""Sums that are read off the standing at the closing, by their name in SUMS."""


def asked_days(windows: Sequence[Window]) -> list[date]:
    """The days whose closings the windows open and close with, ascending."""
    return sorted({day - timedelta(days=1) for w in windows for day in (w.first, w.until)})


def ends_of(windows: Sequence[Window], days: Sequence[date]) -> list[tuple[int, int]]:
    """For each window where in `days` its two ends are: the day before it opens, and its last day."""
    index = {day: i for i, day in enumerate(days)}
    return [(index[w.first - timedelta(days=1)], index[w.until - timedelta(days=1)]) for w in windows]


def pairs(spans: Spans, windows: Sequence[Window], *, unchanged: bool = False) -> pl.DataFrame:
    """window, line, a, b: the spans in force at both ends of each window.

    Only for lines where they differ, or where something stands at `a` that is not MRR (list or usage MRR alone), which
    `standing_at` leaves out; with `unchanged`, for every line with anything at either end.
    """
    rows = spans.rows
    aside = rows.select(~pl.col("live") & pl.any_horizontal(pl.col(name) != 0 for name in COMPANIONS.values())).to_series()
    some_aside = aside.any()
    something = aside | rows["live"]
    found = [pl.DataFrame(schema={"window": pl.UInt32, "a": pl.UInt32, "b": pl.UInt32})]
    ends, many = list(enumerate(ends_of(windows, spans.days))), at_once(spans)
    for first in range(0, len(ends), many):
        some = ends[first : first + many]
        both = pl.DataFrame(
            {
                "window": repeated([window for window, _ in some], len(spans.lines)),
                "a": spans.at_days([opening for _, (opening, _) in some]),
                "b": spans.at_days([closing for _, (_, closing) in some]),
            }
        )
        keep = rows["state"].gather(both["a"]) != rows["state"].gather(both["b"])
        if unchanged:
            keep |= something.gather(both["b"])
        elif some_aside:
            keep |= aside.gather(both["a"])
        found.append(both.filter(keep))
    made = pl.concat(found, rechunk=True)
    return made.with_columns(line=rows["line"].gather(made["a"]))


ROWS_AT_ONCE: Final = 500_000
"""So many lines of days are looked at together: with a look at each day or window alone, small books would be nothing but looks."""


def at_once(spans: Spans) -> int:
    """How many days or windows of all lines are looked at together."""
    return max(1, ROWS_AT_ONCE // max(1, len(spans.lines)))


def repeated(numbers: Sequence[int], times: int) -> pl.Series:
    """Each of `numbers` so many times, one after the other."""
    place = pl.int_range(len(numbers) * times, dtype=pl.UInt32, eager=True)
    return pl.Series(numbers, dtype=pl.UInt32).gather(place // max(times, 1))


def frozen_row(spans: Spans, pairs: pl.DataFrame) -> pl.Series:
    """The span at which each pair's segment is read: the opening one, or the first one with MRR after it, or the closing one."""
    a, b = pl.col("a"), pl.col("b")
    at_a = spans.rows.select("live", "next_live").select(pl.all().gather(pairs["a"]))
    return (
        pairs.hstack(at_a)
        .select(pl.when("live").then(a).when(pl.col("next_live") <= b).then("next_live").otherwise(b).alias("row"))
        .to_series()
    )


def lowest_between(spans: Spans, pairs: pl.DataFrame) -> pl.Series:
    """The lowest net MRR in the spans from `a` to `b`: minima over runs of 1, 2, 4, … rows, two of which cover any range."""
    run = spans.rows["net_micros"]
    lowest = run.gather(pairs["a"])
    length = pairs.select(length=pl.col("b") - pl.col("a") + 1).to_series()
    size, longest = 1, int(length.max() or 0)  # type: ignore[arg-type]  # the maximum of whole numbers
    while size <= longest:
        here = pairs.select(
            first=pl.when((length >= size) & (length < 2 * size)).then("a"),
            last=pl.when((length >= size) & (length < 2 * size)).then(pl.col("b") - (size - 1)),
        )
        both = pl.select(pl.min_horizontal(run.gather(here["first"]), run.gather(here["last"]))).to_series()
        lowest = pl.select(pl.coalesce(both, lowest)).to_series()
        run = pl.select(pl.min_horizontal(run, run.shift(-size))).to_series()
        size *= 2
    return lowest


def standing_at(spans: Spans, days: Sequence[int]) -> pl.DataFrame:
    """day u32, line, row and the SUMS of all lines with MRR at the closings of these `days` (indices): as if nothing moved after it."""
    live = spans.rows["live"]
    found, many = [pl.DataFrame(schema={"day": pl.UInt32, "row": pl.UInt32})], at_once(spans)
    for first in range(0, len(days), many):
        some = days[first : first + many]
        there = pl.DataFrame({"day": repeated(some, len(spans.lines)), "row": spans.at_days(some)})
        found.append(there.filter(live.gather(there["row"])))
    out = pl.concat(found, rechunk=True)
    rows = spans.rows.select("line", *MEASURES).select(pl.all().gather(out["row"]))
    net, one = pl.col("net_micros"), pl.lit(1, pl.Int64)
    return out.hstack(rows).select(
        "day",
        "line",
        "row",
        opening=net,
        closing=net,
        lowest=net,
        opening_customers=one,
        closing_customers=one,
        retained_customers=one,
        **{name: pl.col(column).cast(pl.Int64) for name, column in COMPANIONS.items()},
        **{name: _product(net, net) for name in SQUARES},
    )


def _product(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return one.cast(pl.Int128) * other.cast(pl.Int128)


def staying(spans: Spans, windows: Sequence[Window]) -> pl.DataFrame:
    """window, line: the lines of customers with several currencies that have MRR in any of them when the window closes."""
    several = spans.lines.filter("several").select("line", "customer")
    ends = pl.DataFrame({"end": [closing for _, closing in ends_of(windows, spans.days)]}, schema={"end": pl.UInt32})
    if several.is_empty() or ends.is_empty():
        return pl.DataFrame(schema={"window": pl.UInt32, "line": pl.UInt32})
    asked = ends["end"].unique().sort()
    live = [spans.rows["live"].gather(spans.at(closing).gather(several["line"])) for closing in asked]
    there = (
        several.join(asked.to_frame("end"), how="cross", maintain_order="right_left")
        .with_columns(live=pl.concat(live))
        .filter(pl.col("live").any().over("end", "customer"))
    )
    return ends.with_row_index("window").join(there, on="end", maintain_order="left_right").select("window", "line")


def values(spans: Spans, pairs: pl.DataFrame, elsewhere: pl.DataFrame | None = None) -> pl.DataFrame:
    """`pairs` with what stood at both ends and what moved between, and `row`, at which the segment is frozen.

    Adds opening, end (the closing at the opening's exchange rate), closing, lowest, fx, was_there, is_there, stays, the closing's
    COMPANIONS and the FLOWS. `elsewhere` are the `staying`: who has left a currency and pays in another one is still a customer.
    """
    columns = ["net_micros", "live", *FLOWS]
    at_a = spans.rows.select(columns).select(pl.all().gather(pairs["a"]).name.prefix("a_"))
    at_b = spans.rows.select(*columns, *COMPANIONS.values()).select(pl.all().gather(pairs["b"]).name.prefix("b_"))
    both = pairs.hstack(at_a).hstack(at_b)
    if elsewhere is not None and elsewhere.height:
        told = elsewhere.with_columns(elsewhere=pl.lit(True))
        both = both.join(told, on=["window", "line"], how="left", maintain_order="left").with_columns(
            pl.col("elsewhere").fill_null(False)
        )
    else:
        both = both.with_columns(elsewhere=pl.lit(False))
    return both.select(
        "window",
        "line",
        "a",
        "b",
        frozen_row(spans, pairs),
        lowest_between(spans, pairs).alias("lowest"),
        opening="a_net_micros",
        end="b_net_micros",
        closing="b_net_micros",
        fx=pl.lit(0, pl.Int64),
        was_there="a_live",
        is_there="b_live",
        stays=pl.col("b_live") | pl.col("elsewhere"),
        **{name: pl.col(f"b_{column}").cast(pl.Int64) for name, column in COMPANIONS.items()},
        **{flow: pl.col(f"b_{flow}") - pl.col(f"a_{flow}") for flow in FLOWS},
    )


def moved(values: pl.DataFrame) -> pl.DataFrame:
    """window, line, row and the SUMS of each of `values` on its own."""
    was, stays = pl.col("was_there"), pl.col("was_there") & pl.col("stays")
    opening, end = pl.col("opening"), pl.col("end")
    gain = end - opening
    kept = pl.when(stays).then(end).otherwise(0)
    stood = pl.when(was).then(opening).otherwise(0)

    def when(condition: pl.Expr, then: pl.Expr) -> pl.Expr:
        return pl.when(condition).then(then).otherwise(0)

    return values.select(
        "window",
        "line",
        "row",
        "opening",
        "closing",
        "fx",
        *COMPANIONS,
        "new",
        "reactivation",
        "new_logos",
        "returned_logos",
        "lost_logos",
        "switched_logos",
        expansion=when(stays & (gain > 0), gain),
        contraction=when(stays & (gain < 0), -gain),
        churn=when(was & ~pl.col("stays"), opening),
        opening_customers=was.cast(pl.Int64),
        closing_customers=pl.col("is_there").cast(pl.Int64),
        retained_customers=stays.cast(pl.Int64),
        lowest=when(was, pl.min_horizontal("lowest", "opening")),
        flow_expansion="expansion",
        flow_contraction="contraction",
        flow_churn="churn",
        arrivals_expansion=when(~was, pl.col("expansion")),
        arrivals_contraction=when(~was, pl.col("contraction")),
        arrivals_churn=when(~was, pl.col("churn")),
        member_returns=when(was, pl.col("new") + pl.col("reactivation")),
        opening_squared=_product(stood, stood),
        opening_by_end=_product(stood, kept),
        end_squared=_product(kept, kept),
    ).select("window", "line", "row", *SUMS)


def beyond_standing(sums: pl.DataFrame, spans: Spans, a: pl.Series) -> pl.DataFrame:
    """`sums` less what `standing_at` counted already for those that had MRR in span `a`."""
    rows = spans.rows.select("live", *MEASURES).select(pl.all().gather(a))
    counted = rows.select(pl.when("live").then(pl.col(*MEASURES)).otherwise(0).cast(pl.Int64), live=pl.col("live").cast(pl.Int64))
    money = dict.fromkeys(("opening", "closing", "lowest"), "net_micros")
    heads = dict.fromkeys(("opening_customers", "closing_customers", "retained_customers"), "live")
    base = counted.select(
        *(pl.col(column).alias(f"base_{name}") for name, column in {**money, **heads, **COMPANIONS}.items()),
        *(_product(pl.col("net_micros"), pl.col("net_micros")).alias(f"base_{name}") for name in SQUARES),
    )
    return (
        sums.hstack(base)
        .with_columns(pl.col(name) - pl.col(f"base_{name}") for name in (*money, *heads, *COMPANIONS, *SQUARES))
        .select(sums.columns)
    )
