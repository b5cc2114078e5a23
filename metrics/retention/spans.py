"""Ledger rows as spans: who stood at what from which day, with running sums of what moved.

Every window and every day that is asked about is a pair of days, so the one expensive thing (finding what was in force on a day) is
done once for a bucket of customers and shared. A *span* is one row of a customer's ledger in one currency; it holds until the next
one. Each line of spans begins with an empty one, so "before anything was known" is a row like any other.

Integers only, nothing is looked up here but what is handed in, and no window is known here: `metrics.retention.aggregate` reads spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

from metrics.dimensions import CARRIED
from metrics.movement_kinds import KINDS

MEASURES = ("net_micros", "list_micros", "at_risk_micros", "scheduled_micros", "usage_micros", "subscriptions")
"""What a standing says in numbers; each adds up over customers of one currency."""
LABELS = (*CARRIED, "account")
"""What a standing says in words."""
FLOWS = (*KINDS, "new_logos", "returned_logos", "lost_logos", "switched_logos")
"""What moved, as positive sums: micros by kind of movement, then counts of movements; `switched_logos` are those that came into a currency
less those that left it, both while having MRR in another one before or after."""

STANDINGS = {
    "customer": pl.String,
    "account": pl.Int32,
    "day": pl.Date,
    "currency": pl.String,
    "net_micros": pl.Int64,
    "list_micros": pl.Int64,
    "at_risk_micros": pl.Int64,
    "scheduled_micros": pl.Int64,
    "usage_micros": pl.Int64,
    "subscriptions": pl.Int32,
    **dict.fromkeys(CARRIED, pl.String),
}
"""Columns and types of a frame of standings (see `metrics.entries.Standing`)."""
MOVEMENTS = {
    "customer": pl.String,
    "day": pl.Date,
    "currency": pl.String,
    "kind": pl.String,
    "cause": pl.String,
    "before_micros": pl.Int64,
    "after_micros": pl.Int64,
    "delta_micros": pl.Int64,
}
"""The columns of a frame of movements that are read here (see `metrics.entries.Movement`); others may stand beside them."""
ATTRIBUTES = {"customer": pl.String, "key": pl.String, "value": pl.String, "day": pl.Date}
"""Columns of a frame of attributes: `value` holds from `day` on, the earliest one before it too. Keys: `country`, `metadata.KEY`."""
EXCLUSIONS = {
    "customer": pl.String,
    "reason": pl.String,
    "currency": pl.String,
    "mrr_micros": pl.Int64,
    "since": pl.Int64,
    "until": pl.Int64,
}
"""Columns of a frame of exclusions that are read (see `metrics.entries.Exclusion`)."""

BEGINNING = date(1, 1, 1)
"""The day of the empty span that each line begins with."""


class BrokenLedger(ValueError):
    """The frames contradict what a ledger promises, so that no figure may be made of them."""


def _empty(schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, slots=True)
class Book:
    """The ledger of some customers, whole: all their standings, movements, attributes and exclusions since the beginning.

    A customer's rows must not be spread over two books whose figures are then added.
    """

    standings: pl.DataFrame
    movements: pl.DataFrame
    attributes: pl.DataFrame = field(default_factory=lambda: _empty(ATTRIBUTES))
    exclusions: pl.DataFrame = field(default_factory=lambda: _empty(EXCLUSIONS))


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans in order of line and day.

    `rows`: line u32, day, the MEASURES, `account` i32, plan, product, interval, the FLOWS as running sums over the whole frame (only
    differences within a line mean something), `state` (the same number as long as only attributes change), `live` (net above 0), `next_live` (index of the line's next live row after this one,
    or null).
    `lines`: line, customer, currency, in order of customer and currency, and `several`: the customer has other lines too.
    `days`: the days that can be asked about, ascending. `in_force`: the index of the row in force for each of `days`, one day after
    the other, and each line.
    """

    rows: pl.DataFrame
    lines: pl.DataFrame
    days: tuple[date, ...]
    in_force: pl.Series

    def at(self, index: int) -> pl.Series:
        """For every line, in order, the row that was in force at the closing of `days[index]`."""
        return self.in_force.slice(index * len(self.lines), len(self.lines))

    def at_days(self, indices: Sequence[int]) -> pl.Series:
        """The same for several of the days, one after the other."""
        return pl.concat([self.at(index) for index in indices], rechunk=True) if indices else self.in_force.clear()


def build(book: Book, days: Sequence[date], *, keys: Sequence[str] = (), moved: pl.DataFrame | None = None) -> Spans:
    """The spans of `book`, ready to be asked about `days`.

    `keys` are those attributes whose changes must begin a span of their own. `moved` are the `flows`, when they are not those of the
    book's movements as they stand (but in another currency). Raises BrokenLedger when a customer has two standings in one currency
    on one day.
    """
    since = min(days, default=BEGINNING)  # what was before is asked about only as what was in force then
    told = book.movements if moved is None else moved
    lines, of_standing = _lines(book.standings, told)
    recent = told.filter(pl.col("day") > since)
    flowed = flows(recent) if moved is None else recent
    # Standing 0 is the empty one; every row points at the standing in force, and what stood there is fetched at the end.
    standings = pl.concat(
        [
            pl.DataFrame([dict.fromkeys(MEASURES, 0)], schema={name: STANDINGS[name] for name in MEASURES}),
            book.standings.select(*STANDINGS),
        ],
        how="diagonal",
    ).with_row_index("standing")
    ticks = pl.concat(
        [
            lines.select("line", day=pl.lit(BEGINNING), standing=pl.lit(0, pl.UInt32)),
            _wanted(standings.slice(1).select("day", "standing", line=of_standing), since),
            _on_lines(flowed, lines),
            _attribute_days(book.attributes, lines, keys),
        ],
        how="diagonal",
    )
    rows = _one_row_a_day(ticks)
    rows = rows.hstack(standings.select(*MEASURES, *LABELS).select(pl.all().gather(rows["standing"]))).drop("standing")
    return _in_force(rows, lines, tuple(sorted(set(days))))


_LINE: Final = ("customer", "currency")


def _lines(standings: pl.DataFrame, movements: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The lines, and the line of each standing.

    The rows of a line mostly lie together: to look up only those that begin another one spares most of the work. All movements have a
    say, whatever is asked about: who ever moved in a second currency has several lines, though it came and went within a day.
    """
    begins = _begins(standings)
    heads = standings.select(_LINE).filter(begins)
    others = movements.select(_LINE).filter(_begins(movements))
    lines = pl.concat([heads, others]).unique().sort(_LINE).with_row_index("line")
    of_heads = heads.join(lines, on=_LINE, how="left", maintain_order="left")["line"]
    of_standing = of_heads.gather(begins.cum_sum().cast(pl.Int64) - 1)
    return lines.with_columns(several=pl.len().over("customer") > 1), of_standing


def _begins(rows: pl.DataFrame) -> pl.Series:
    """Whether a row is of another line than the one before it."""
    return rows.select(pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in _LINE)).to_series()


def _wanted(standings: pl.DataFrame, since: date) -> pl.DataFrame:
    """The standings without those that another one had taken the place of by `since`, as far as that is seen from the row behind."""
    following = pl.col("day").shift(-1)
    same_line = (pl.col("line") == pl.col("line").shift(-1)).fill_null(False)
    twice = standings.filter(same_line & (following == pl.col("day")))
    if not twice.is_empty():
        raise BrokenLedger(f"a customer has two standings in one currency on {twice['day'][0]}")
    return standings.filter(~(same_line & (following > pl.col("day")) & (following <= since)).fill_null(False))


def _on_lines(frame: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    return frame.join(lines.drop("several"), on=["customer", "currency"]).drop("customer", "currency")


def flows(movements: pl.DataFrame) -> pl.DataFrame:
    """customer, currency, day and the FLOWS of each movement.

    A logo is new, returned or lost by the kind of the movement, which is the customer's. Who stays a customer and leaves a currency, or
    enters one, has switched: nobody is lost in the currency that is left.
    """
    size, kind = pl.col("delta_micros"), pl.col("kind")
    came, left = pl.col("before_micros") == 0, pl.col("after_micros") == 0
    stays = kind.is_in(["expansion", "contraction"])
    return movements.select(
        "customer",
        "currency",
        "day",
        *sized_by_kind(size),
        new_logos=(came & (kind == "new")).cast(pl.Int64),
        returned_logos=(came & (kind == "reactivation")).cast(pl.Int64),
        lost_logos=(left & (kind == "churn")).cast(pl.Int64),
        switched_logos=(came & stays).cast(pl.Int64) - (left & stays).cast(pl.Int64),
    )


def sized_by_kind(size: pl.Expr) -> list[pl.Expr]:
    """One column for each of KINDS: `size` where the movement is of that kind, turned positive for losses, else 0."""
    signs = {kind: -1 if kind in ("contraction", "churn") else 1 for kind in KINDS}
    return [pl.when(pl.col("kind") == kind).then(size * sign).otherwise(0).alias(kind) for kind, sign in signs.items()]


def _attribute_days(attributes: pl.DataFrame, lines: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The days on which an attribute in use changes: the earliest value holds before its day too, so it begins nothing."""
    first = pl.col("day").min().over("customer", "key")
    changes = attributes.filter(pl.col("key").is_in(list(keys))).filter(pl.col("day") > first)
    return changes.select("customer", "day").unique().join(lines.select("line", "customer"), on="customer").drop("customer")


def _one_row_a_day(ticks: pl.DataFrame) -> pl.DataFrame:
    """Everything that happened on one line and day as one row, with the flows summed up from the first row on."""
    ticks = ticks.with_columns(state=pl.col("standing").is_not_null() | pl.col("new").is_not_null())
    ticks = ticks.sort("line", "day", "standing", nulls_last=False)
    same_day = (pl.col("line") == pl.col("line").shift(-1)) & (pl.col("day") == pl.col("day").shift(-1))
    twice = ticks.filter(same_day & pl.col("standing").is_not_null())
    if not twice.is_empty():
        raise BrokenLedger(f"a customer has two standings in one currency on {twice['day'][0]}")
    return ticks.with_columns(
        pl.col("standing").forward_fill(),  # each line begins with standing 0, so nothing is carried over from the line before
        pl.col(FLOWS).fill_null(0).cum_sum(),
        pl.col("state").cast(pl.UInt32).cum_sum(),
    ).filter(~same_day.fill_null(False))


def _in_force(rows: pl.DataFrame, lines: pl.DataFrame, days: tuple[date, ...]) -> Spans:
    """Finds for each line and day the row in force, by letting each row repeat for as many of the days as it holds."""
    live = pl.when(pl.col("net_micros") > 0).then(pl.int_range(pl.len(), dtype=pl.UInt32))
    following = live.shift(-1).backward_fill()
    rows = rows.with_columns(live=pl.col("net_micros") > 0, next_live=following)
    rows = rows.with_columns(
        next_live=pl.when(pl.col("line").gather(pl.col("next_live")) == pl.col("line")).then(pl.col("next_live"))
    )
    begins = pl.Series(days, dtype=pl.Date).search_sorted(rows["day"], side="left").cast(pl.Int64)
    until = pl.when(pl.col("line") == pl.col("line").shift(-1)).then(pl.col("begins").shift(-1)).otherwise(len(days))
    by_line = rows.select("line", begins=begins).select(
        pl.int_range(pl.len(), dtype=pl.UInt32).repeat_by(until - pl.col("begins")).explode(empty_as_null=False)
    )
    place = pl.int_range(len(by_line), dtype=pl.UInt32)
    by_day = by_line.select(pl.all().gather(place % len(lines) * len(days) + place // len(lines)) if len(by_line) else pl.all())
    return Spans(rows, lines, days, by_day.to_series())
