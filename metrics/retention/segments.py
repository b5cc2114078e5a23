"""Which part of the book a customer belongs to, by any dimension.

A customer's segment is frozen at a window's opening (for one that arrives later: at its arrival), so nobody changes sides within a
window and the parts of a segmentation add up to the whole exactly. What has no value is in NONE. Nothing here knows windows or sums:
`metrics.retention.aggregate` says at which span a customer is looked at, this module says what it is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl

from metrics.dimensions import CARRIED, PER_CUSTOMER, parts
from metrics.keys import LONGEST, bounded
from metrics.money import MICROS_PER_MAJOR
from metrics.retention.spans import Book, Spans

NONE: Final = "(none)"
STANDING: Final = (*CARRIED, "account")
"""Dimensions that a standing carries."""
BANDED: Final = ("size", "usage")
"""Dimensions by amount: opening MRR, and usage MRR of metered items."""
BUILT_IN: Final = (*STANDING, "currency", "country", "signup", *BANDED)
"""Every dimension with a name of its own; any other name is a key of the customers' metadata."""
DEFAULT_DIMENSIONS: Final = ("plan", "product", "interval", "currency", "country", "signup", "size", "account")
METADATA: Final = "metadata."

SIZE_BANDS: Final = (0, 50, 100, 250, 500, 1_000, 5_000, 10_000, 50_000)
USAGE_BANDS: Final = (0, 10, 100, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Bands:
    """Where the bands of amounts begin, in whole major units; the last one has no end. An amount of 0 is in NONE."""

    size: tuple[int, ...] = SIZE_BANDS
    usage: tuple[int, ...] = USAGE_BANDS

    def labels(self, dimension: str) -> list[str]:
        """NONE and the names of the bands in order: `0-50`, `50-100`, …, `50000+`; a band holds its lower end, not its upper one."""
        edges = self.size if dimension == "size" else self.usage
        return [NONE, *(f"{low}-{high}" for low, high in pairwise(edges)), f"{edges[-1]}+"]

    def codes(self, dimension: str, micros: pl.Series) -> pl.Series:
        """The index into `labels` for each amount."""
        edges = self.size if dimension == "size" else self.usage
        starts = [1, *(edge * MICROS_PER_MAJOR for edge in edges[1:])]
        return pl.Series(starts, dtype=pl.Int64).search_sorted(micros, side="right").cast(pl.UInt32)


BANDS: Final = Bands()


@dataclass(frozen=True, slots=True)
class Coded:
    """A dimension's value as an index into `labels`, for each span; `codes` is None for the bands, which depend on the money's currency."""

    dimension: str
    labels: list[str]
    codes: pl.Series | None


def attribute_key(part: str) -> str | None:
    """The key of the attribute behind one dimension, None when it needs none. Metadata may be named with or without its prefix."""
    if part == "country":
        return part
    if part in BUILT_IN or part == PER_CUSTOMER:
        return None
    return part if part.startswith(METADATA) else METADATA + part


def attribute_keys(dimensions: Sequence[str]) -> list[str]:
    """The keys of all attributes behind `dimensions`, each once."""
    keys = (attribute_key(part) for dimension in dimensions for part in parts(dimension))
    return sorted({key for key in keys if key})


def code(spans: Spans, book: Book, part: str, bands: Bands) -> Coded:
    """What every span is by one dimension (not by two at once)."""
    if part in BANDED:
        return Coded(part, bands.labels(part), None)
    key = attribute_key(part)
    if part in STANDING:
        values = spans.rows[part].cast(pl.String)
    elif part == "currency":
        values = spans.lines["currency"].gather(spans.rows["line"])
    elif part == PER_CUSTOMER:
        values = spans.lines["customer"].gather(spans.rows["line"])
    elif part == "signup":
        values = _signup(spans, book).gather(spans.rows["line"])
    else:
        values = _attribute(spans, book.attributes.filter(pl.col("key") == key))
    values = values.fill_null(NONE)
    if (values.str.len_chars().max() or 0) > LONGEST:  # type: ignore[operator]  # a number
        values = values.replace_strict({value: bounded(value) for value in values.unique()}, return_dtype=pl.String)
    labels = values.unique().sort().to_list()
    return Coded(part, labels, values.cast(pl.Enum(labels)).to_physical().cast(pl.UInt32))


def codes(spans: Spans, book: Book, dimensions: Sequence[str], bands: Bands) -> dict[str, Coded]:
    """`code` for every single dimension that `dimensions` are made of."""
    return {part: code(spans, book, part, bands) for dimension in dimensions for part in parts(dimension)}


def signup_months(movements: pl.DataFrame) -> pl.DataFrame:
    """customer, signup: the month (`2026-03`) of each customer's first movement, in whatever currency."""
    return movements.group_by("customer").agg(signup=pl.col("day").min().dt.strftime("%Y-%m"))


def _signup(spans: Spans, book: Book) -> pl.Series:
    return spans.lines.join(signup_months(book.movements), on="customer", how="left", maintain_order="left")["signup"]


def _attribute(spans: Spans, attributes: pl.DataFrame) -> pl.Series:
    """Each span's value: the last one known on its day, or the earliest there is."""
    lines = spans.lines.select("line", "customer")
    known = (
        attributes.select("customer", "day", pl.col("value").fill_null(NONE))
        .join(lines, on="customer")
        .sort("line", "day", "value")
        .select("line", "day", "value")
    )
    rows = spans.rows.select("line", "day")
    then = rows.join_asof(known, on="day", by="line", strategy="backward", check_sortedness=False)["value"]
    first = rows.join(known.unique("line", keep="first"), on="line", how="left", maintain_order="left")["value"]
    return then.fill_null(first)
