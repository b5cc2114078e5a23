"""Adding up by segment: few long rows into many short tables.

The rows of a bucket are long (hundreds of thousands) and the dimensions many, so rows are first added up by families of dimensions that
have few combinations between them (a plan settles its product and interval), and the tables from those. Sums of integers, so
the way there can't be seen in the result. What the columns mean is not known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from metrics.dimensions import parts
from metrics.retention.segments import Bands, Coded
from metrics.retention.spans import Spans
from metrics.retention.window_changes import SUMS

_FEW: Final = 4
"""A family is worth its while when its sums are this many times fewer than the rows they are made of."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is added up: `frame` has u32 columns `slot`, line and row, some of the SUMS, and for bands size_micros and usage_micros."""

    frame: pl.DataFrame
    slot: str
    slots: int


def tables(rows: Rows, spans: Spans, coded: Mapping[str, Coded], dimensions: Sequence[str], bands: Bands) -> Iterator[pl.DataFrame]:
    """For each dimension its table: dimension, slot, segment, currency, several (see `Spans.lines`) and the sums that the rows have."""
    currencies = spans.lines["currency"].unique().sort().to_list()
    sizes = {rows.slot: rows.slots, "money": 2 * max(len(currencies), 1)}
    sizes |= {_by(name): len(c.labels) for name, c in coded.items()}
    names = [name for name in SUMS if name in rows.frame.columns]
    fine = _coded(rows, spans, coded, currencies, bands, names)
    families = [_added(fine, [rows.slot, "money", *some], sizes, names) for some in _families(fine, coded, sizes, rows.slot)]
    whole = min(families, key=len, default=fine)
    for dimension in dimensions:
        wanted = [_by(part) for part in parts(dimension)]
        source = next((f for f in families if set(wanted) <= set(f.columns)), fine) if wanted else whole
        table = _added(source, [rows.slot, "money", *wanted], sizes, names)
        money = table["money"]
        values = [pl.Series(coded[part].labels, dtype=pl.String).gather(table[_by(part)]) for part in parts(dimension)]
        yield table.select(
            rows.slot,
            pl.lit(dimension).alias("dimension"),
            _segment(values, len(table)).alias("segment"),
            pl.Series(currencies, dtype=pl.String).gather(money // 2).alias("currency"),
            (money % 2 == 1).alias("several"),
            *names,
        )


def _by(part: str) -> str:
    """The column of a dimension's codes: named apart, since a key of metadata may be called like one of the sums."""
    return f"by {part}"


def _coded(
    rows: Rows, spans: Spans, coded: Mapping[str, Coded], currencies: Sequence[str], bands: Bands, names: Sequence[str]
) -> pl.DataFrame:
    """The rows with codes for slot, money (currency and several in one) and each single dimension."""
    frame = rows.frame
    money = spans.lines.select(
        pl.col("currency").cast(pl.Enum(currencies)).to_physical().cast(pl.UInt32) * 2 + pl.col("several").cast(pl.UInt32)
    ).to_series()
    codes = [
        (bands.codes(name, frame[f"{name}_micros"]) if c.codes is None else c.codes.gather(frame["row"])).alias(_by(name))
        for name, c in coded.items()
    ]
    return frame.select(rows.slot, money.gather(frame["line"]).alias("money"), *codes, *names)


def _families(fine: pl.DataFrame, coded: Mapping[str, Coded], sizes: dict[str, int], slot: str) -> list[list[str]]:
    """Dimensions put together while they have few combinations; one that has too many on its own is in none."""
    out: list[list[str]] = []
    family: list[str] = []
    for name in sorted((_by(name) for name in coded), key=lambda n: (sizes[n], n)):
        wider = [*family, name]
        if _combinations(fine, wider) * sizes["money"] * sizes[slot] * _FEW <= len(fine):
            family = wider
    if family:
        out.append(family)
    return out


def _combinations(fine: pl.DataFrame, names: Sequence[str]) -> int:
    """How many different combinations a sample of the rows has."""
    return fine.select(names).gather_every(max(len(fine) // 20_000, 1)).n_unique()


def _added(frame: pl.DataFrame, keys: Sequence[str], sizes: dict[str, int], names: Sequence[str]) -> pl.DataFrame:
    """`frame` summed by `keys`, which are codes: grouped by one number made of them, and taken apart again."""
    key = pl.lit(0, pl.UInt64)
    for name in keys:
        key = key * sizes[name] + pl.col(name).cast(pl.UInt64)
    rest, codes = pl.col("key"), []
    for name in reversed(keys):
        codes.append((rest % sizes[name]).cast(pl.UInt32).alias(name))
        rest = rest // sizes[name]
    summed = frame.lazy().select(key.alias("key"), *names).group_by("key").agg(pl.col(names).sum())
    return summed.select(*reversed(codes), *names).collect()


def _segment(values: Sequence[pl.Series], length: int) -> pl.Series:
    """The text of `metrics.dimensions.label` for each row, by column."""
    if not values:
        return pl.repeat("", length, dtype=pl.String, eager=True)
    if len(values) == 1:
        return values[0]
    escaped = [v.str.replace_all("\\", "\\\\", literal=True).str.replace_all(",", "\\,", literal=True) for v in values]
    return pl.select(pl.concat_str(escaped, separator=",")).to_series()
