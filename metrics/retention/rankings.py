"""Lists that stand behind a window's figures: the largest customers, who moved the cohort, which causes, which trials are running.

Lists of the first few can be merged like sums: the first few of all are among the first few of each bucket. They are made for the
whole book only. Ties go by the customer's name, so that the same customers come out however they were put into buckets.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl

from metrics.exchange_rates import Exchange, rates_on, worth
from metrics.periods import Window, opening
from metrics.retention.figures import TOP
from metrics.retention.spans import Spans
from metrics.retention.window_changes import ends_of

LARGEST: Final = "largest"
GAINED: Final = "gained"
LOST: Final = "lost"
TRIAL: Final = "trial"
LOSSES: Final = ("contraction", "churn")
DEPTH: Final = 30
"""So many of a list are kept where only TOP are shown: enough for some to change before all customers must be looked at again."""
NEVER: Final = 2**62
"""An instant after all others."""

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
    """The DEPTH first of each list, for each window and currency, in order; `cut` says that there may be more."""
    first = _in_order(leaders).group_by(_LIST, maintain_order=True).head(DEPTH)
    return first.select(*LEADERS, cut=pl.len().over(_LIST) == DEPTH)


def replaced(held: pl.DataFrame, fresh: pl.DataFrame, customers: pl.Series) -> tuple[pl.DataFrame, list[int]]:
    """The lists `held` with what `customers` have in `fresh` in the place of what they had, and the windows in which one ran out.

    Of a list that was cut, nothing is known beyond its last entry: whoever ranks there now is left out, and the list gets shorter. One
    that was cut and holds fewer than TOP has run out: only all customers together can fill it up again.
    """
    bars = held.filter("cut").group_by(_LIST).agg(bar=_SIZE.last(), bar_customer=pl.col("customer").last())
    kept = held.join(customers.unique().to_frame("customer"), on="customer", how="anti").select(*LEADERS)
    merged = _in_order(pl.concat([kept, fresh.select(*LEADERS)])).join(bars, on=_LIST, how="left", maintain_order="left")
    known = pl.col("bar").is_null() | (pl.col("size") > pl.col("bar"))
    known |= (pl.col("size") == pl.col("bar")) & (pl.col("customer") <= pl.col("bar_customer"))
    first = merged.filter(known).group_by(_LIST, maintain_order=True).head(DEPTH)
    out = first.select(*LEADERS, cut=pl.col("bar").is_not_null() | (pl.len().over(_LIST) == DEPTH))
    left = bars.join(out.group_by(_LIST).len(), on=_LIST, how="left").filter(pl.col("len").fill_null(0) < TOP)
    return out, left["window"].unique().sort().to_list()


_LIST: Final = ["window", "currency", "several", "ranking"]
"""What one list is known by."""


def _in_order(leaders: pl.DataFrame) -> pl.DataFrame:
    return leaders.with_columns(size=_SIZE).sort(*_LIST, "size", "customer", descending=[*[False] * 4, True, False])


_SIZE = pl.when(pl.col("ranking") == LARGEST).then("opening").otherwise((pl.col("closing") - pl.col("opening")).abs())


def contenders(frame: pl.DataFrame, keys: Sequence[str], size: pl.Expr) -> pl.DataFrame:
    """Those rows of `frame` (with a column `line`) that may be among the DEPTH by `size` of their `keys`; never fewer than these.

    A cheap first cut, so that only few rows have to be put in order: of DEPTH sets that share no row, the smallest of the
    sets' largest is reached by DEPTH rows at least.
    """
    sized = frame.with_columns(size=size, share=pl.col("line") % DEPTH)
    least = sized.group_by(*keys, "share").agg(pl.col("size").max()).group_by(keys).agg(pl.len(), least=pl.col("size").min())
    bar = least.select(*keys, least=pl.when(pl.col("len") == DEPTH).then("least").otherwise(0))
    return sized.join(bar, on=list(keys), maintain_order="left").filter(pl.col("size") >= pl.col("least")).select(frame.columns)


def leaders(spans: Spans, values: pl.DataFrame, standing: pl.DataFrame, windows: Sequence[Window]) -> pl.DataFrame:
    """LEADERS of one bucket: from `values` who gained and lost, from `standing` (at the openings) who is largest."""
    money = spans.lines.select(pl.struct("currency", "several").rank("dense").alias("money"))["money"]
    stood = standing.select("day", "line", "opening", money=money.gather(standing["line"]))
    top = largest(spans, contenders(stood, ["day", "money"], pl.col("opening")), windows)
    return first_of(named(spans, pl.concat([movers(values, money), top])))


def leaders_expressed(spans: Spans, values: pl.DataFrame, label: str) -> pl.DataFrame:
    """LEADERS under the currency `label`, all read off `values` that hold every customer in every window."""
    money = pl.repeat(0, len(spans.lines), dtype=pl.UInt32, eager=True)
    members = values.filter("was_there").select("window", "line", "opening", closing="end", ranking=pl.lit(LARGEST))
    top = contenders(members, ["window"], pl.col("opening"))
    return first_of(
        named(spans, pl.concat([movers(values, money), top])).with_columns(currency=pl.lit(label), several=pl.lit(False))
    )


def movers(values: pl.DataFrame, money: pl.Series) -> pl.DataFrame:
    """window, line, opening, closing, ranking: members of the cohort that may have gained or lost most, per window and `money` of a line."""
    moved = values.filter(pl.col("was_there") & (pl.col("end") != pl.col("opening"))).select(
        "window",
        "line",
        "opening",
        closing="end",
        ranking=pl.when(pl.col("end") > pl.col("opening")).then(pl.lit(GAINED)).otherwise(pl.lit(LOST)),
    )
    moved = moved.with_columns(money=money.gather(moved["line"]))
    size = (pl.col("closing") - pl.col("opening")).abs()
    return contenders(moved, ["window", "money", "ranking"], size).drop("money")


def largest(spans: Spans, top: pl.DataFrame, windows: Sequence[Window]) -> pl.DataFrame:
    """window, line, opening, closing, ranking for the rows (day, line, opening) of `top`, at the opening of each window."""
    ends = pl.DataFrame(ends_of(windows, spans.days), schema={"day": pl.UInt32, "end": pl.UInt32}, orient="row")
    found = ends.with_row_index("window").join(top, on="day")
    row = spans.in_force.gather(found.select(pl.col("end") * len(spans.lines) + pl.col("line")).to_series())
    return found.select(
        "window",
        "line",
        "opening",
        closing=spans.rows["net_micros"].gather(row),
        ranking=pl.lit(LARGEST),
    )


def named(spans: Spans, listed: pl.DataFrame) -> pl.DataFrame:
    """`listed` with customer, currency and several instead of `line`."""
    lines = spans.lines.select("customer", "currency", "several").select(pl.all().gather(listed["line"]))
    return listed.hstack(lines).select(*LEADERS)


def causes_of(movements: pl.DataFrame, members: pl.DataFrame, windows: Sequence[Window]) -> pl.DataFrame:
    """CAUSES of some customers only, other ones in each window: `members` has window, customer."""
    days = pl.DataFrame([(w.first, w.until) for w in windows], schema={"first": pl.Date, "until": pl.Date}, orient="row")
    within = (
        members.join(days.with_row_index("window"), on="window")
        .join(movements, on="customer")
        .filter(pl.col("day").is_between("first", "until", closed="left"))
    )
    summed = within.group_by("window", "currency", "kind", "cause").agg(
        micros=pl.col("delta_micros").sum(), movements=pl.len().cast(pl.Int64)
    )
    return _positive(summed).select(*CAUSES)


def _positive(summed: pl.DataFrame) -> pl.DataFrame:
    """Losses turned around, so that every kind is a positive sum."""
    return summed.with_columns(micros=pl.when(pl.col("kind").is_in(LOSSES)).then(-pl.col("micros")).otherwise("micros"))


def causes(movements: pl.DataFrame, windows: Sequence[Window], days: Sequence[date]) -> pl.DataFrame:
    """CAUSES of one bucket: summed once between each two of `days`, then added up for each window."""
    stretch = pl.Series(days, dtype=pl.Date).search_sorted(movements["day"], side="left").cast(pl.Int64)
    summed = _positive(
        movements.select("currency", "kind", "cause", "delta_micros", stretch.alias("stretch"))
        .group_by("stretch", "currency", "kind", "cause")
        .agg(micros=pl.col("delta_micros").sum(), movements=pl.len().cast(pl.Int64))
    )
    ends = pl.DataFrame(ends_of(windows, days), schema={"start": pl.Int64, "end": pl.Int64}, orient="row")
    stretches = (
        ends.with_row_index("window")
        .select("window", stretch=pl.int_ranges(pl.col("start") + 1, pl.col("end") + 1))
        .explode("stretch", empty_as_null=False)
    )
    return (
        stretches.join(summed, on="stretch")
        .group_by("window", "currency", "kind", "cause")
        .agg(pl.col("micros", "movements").sum())
        .select(*CAUSES)
        .sort("window", "currency", "kind", "cause")
    )


def trials(exclusions: pl.DataFrame, windows: Sequence[Window], timezone: str, exchange: Exchange | None = None) -> pl.DataFrame:
    """TRIALS of one bucket: what is on trial at the closing of each window, as far as it has a price.

    With `exchange` all of it in the reporting currency at the last day's rate, under its label; what has no rate is left out.
    """
    closings = pl.DataFrame(
        [(w.until - timedelta(days=1), opening(w.until, timezone)) for w in windows],
        schema={"day": pl.Date, "at": pl.Int64},
        orient="row",
    ).with_row_index("window")
    asked = closings.unique("at").sort("at")
    running = exclusions.filter(pl.col("reason") == TRIAL)
    first = asked["at"].search_sorted(running["since"], side="right").cast(pl.Int64)
    until = asked["at"].search_sorted(running["until"].fill_null(NEVER), side="right").cast(pl.Int64)
    found = (
        running.select("currency", micros=pl.col("mrr_micros").fill_null(0), place=pl.int_ranges(first, until))
        .explode("place", empty_as_null=False)
        .with_columns(pl.lit(asked[name]).gather(pl.col("place")).alias(name) for name in ("at", "day"))
    )
    if exchange is not None:
        priced = found.hstack(rates_on(exchange, found.select("currency", "day")))
        found = priced.with_columns(
            currency=pl.lit(exchange.label), micros=worth(pl.col("micros"), pl.col("numerator"), pl.col("denominator"))
        ).drop_nulls("micros")
    return (
        found.group_by("currency", "at")
        .agg(pl.col("micros").sum(), trials=pl.len().cast(pl.Int64))
        .join(closings, on="at")
        .select(*TRIALS)
        .sort("window", "currency")
    )
