"""Retention of every window, segment and currency, from a ledger.

`partials` sums up one bucket of customers, `combine` adds buckets up, `figures` hands out what was found: everything is a sum or a count
over customers, or a list of the largest, so the number of buckets changes nothing. Definitions are in `metrics/DEFINITIONS.md`, the
rates in `metrics.figures`. No rate is made here, and nothing is stored or read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from metrics import endpoints, leaders, segments
from metrics.addition import Rows, tables
from metrics.endpoints import SUMS
from metrics.evidence import Instant
from metrics.figures import GAP, OPENING_ZERO, Figures
from metrics.periods import Window, is_incomplete
from metrics.policy import DEFAULT, Policy
from metrics.segments import Bands
from metrics.spans import Book, Spans, build

WHOLE: Final = ""
"""The dimension and the segment of the whole book."""
_KEYS: Final = ("window", "dimension", "segment", "currency")


@dataclass(frozen=True, slots=True)
class Partials:
    """What some customers add to the figures of `windows`; the `window` columns are indices into it.

    `sums`: window, dimension, segment, currency and the SUMS. `leaders`, `causes`, `trials`: see `metrics.leaders`; of the whole book only.
    """

    windows: tuple[Window, ...]
    sums: pl.DataFrame
    leaders: pl.DataFrame
    causes: pl.DataFrame
    trials: pl.DataFrame


def partials(
    book: Book,
    windows: Sequence[Window],
    *,
    dimensions: Sequence[str] = (),
    bands: Bands = segments.BANDS,
    timezone: str = "UTC",
) -> Partials:
    """What the customers of `book` add to the figures of `windows`, as a whole and by each of `dimensions` (`plan,country` is one).

    `book` holds each of its customers whole. Raises BrokenLedger when the ledger contradicts itself.
    """
    days = endpoints.asked_days(windows)
    spans = build(book, days, keys=segments.attribute_keys(dimensions))
    openings = pl.DataFrame(
        {"window": range(len(windows)), "day": [opening for opening, _ in endpoints.ends_of(windows, days)]},
        schema={"window": pl.UInt32, "day": pl.UInt32},
    )
    standing = endpoints.standing_at(spans, openings["day"].unique().sort().to_list())
    values = endpoints.values(spans, endpoints.pairs(spans, windows))
    changed = endpoints.beyond_standing(endpoints.moved(values), spans, values["a"])
    sums = _by_dimension(book, spans, standing, changed, openings, dimensions, bands)
    return Partials(
        tuple(windows),
        _tidy(sums),
        leaders.first_of(leaders.leaders(spans, values, standing, windows).with_columns(several=False)),
        leaders.causes(book.movements, windows, days),
        leaders.trials(book.exclusions, windows, timezone),
    )


def _by_dimension(
    book: Book,
    spans: Spans,
    standing: pl.DataFrame,
    changed: pl.DataFrame,
    openings: pl.DataFrame,
    dimensions: Sequence[str],
    bands: Bands,
) -> pl.DataFrame:
    """The sums of both kinds of rows by each dimension: what stood at an opening goes to every window that opens there."""
    names = dict.fromkeys(part for dimension in dimensions for part in segments.parts(dimension))
    coded = {name: segments.code(spans, book, name, bands) for name in names}
    if any(name in segments.BANDED for name in names):
        amounts = spans.rows.select(size_micros="net_micros", usage_micros="usage_micros")
        standing = standing.hstack(amounts.select(pl.all().gather(standing["row"])))
        changed = changed.hstack(amounts.select(pl.all().gather(changed["row"])))
    asked = (WHOLE, *dict.fromkeys(dimensions))
    stood = Rows(standing, "day", len(spans.days))
    found = [
        (dimension, table.join(openings, on="day").drop("day"))
        for dimension, table in tables(stood, spans, coded, asked, bands)
    ]
    found += tables(Rows(changed, "window", len(openings)), spans, coded, asked, bands)
    return pl.concat(
        (table.with_columns(pl.lit(dimension).alias("dimension")) for dimension, table in found), how="diagonal"
    )


def _tidy(sums: pl.DataFrame) -> pl.DataFrame:
    """One row for each window, dimension, segment and currency that has anything to say, in order."""
    return (
        sums.group_by(_KEYS)
        .agg(pl.col(SUMS).sum())
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in SUMS))
        .sort(_KEYS)
    )


def combine(some: Iterable[Partials]) -> Partials:
    """The figures of all customers from those of disjoint buckets, in any order. Raises ValueError without any, or if windows differ."""
    parts = list(some)
    if not parts or any(p.windows != parts[0].windows for p in parts):
        raise ValueError("partial figures add up only if there are some, all of the same windows")
    causes = (
        pl.concat([p.causes for p in parts])
        .group_by("window", "currency", "kind", "cause")
        .agg(pl.col("micros", "movements").sum())
    )
    trials = pl.concat([p.trials for p in parts]).group_by("window", "currency").agg(pl.col("micros", "trials").sum())
    return Partials(
        parts[0].windows,
        _tidy(pl.concat([p.sums for p in parts])),
        leaders.first_of(pl.concat([p.leaders for p in parts])),
        causes.sort("window", "currency", "kind", "cause"),
        trials.sort("window", "currency"),
    )


def finish(
    partials: Partials,
    policy: Policy = DEFAULT,
    *,
    complete_until: Instant,
    timezone: str = "UTC",
    gaps: Sequence[tuple[date, date]] = (),
) -> Iterator[Figures]:
    """The figures of every window, dimension, segment and currency in which there is something, in that order.

    `complete_until` is the instant up to which the data is complete: windows that end later are marked incomplete. `gaps` are half-open
    ranges of days whose evidence is missing: the rates of windows that touch one are null with the reason `gap`.
    """
    lists = _lists(partials)
    marks = [
        (
            is_incomplete(w, complete_until, timezone),
            any(since < w.until and w.first - timedelta(days=1) < until for since, until in gaps),
        )
        for w in partials.windows
    ]
    for row in _with_trials_only(partials).iter_rows(named=True):
        window, (incomplete, gap) = partials.windows[row["window"]], marks[row["window"]]
        companions = {name: row[name] for name in _COMPANIONS}
        companions |= {"grr_by": policy.grr_by, "reactivation_in_flow": policy.reactivation_in_net_flow}
        if row["dimension"] == WHOLE:
            companions |= lists.get((row["window"], row["currency"]), _NO_LISTS)
        yield Figures(
            policy.version,
            window.kind,
            window.first,
            window.until,
            row["dimension"],
            row["segment"],
            row["currency"],
            closing_of_cohort=row["opening"] + row["expansion"] - row["contraction"] - row["churn"],
            companions=companions,
            incomplete=incomplete,
            reason=GAP if gap else OPENING_ZERO if row["opening"] == 0 else None,
            **{name: row[name] for name in SUMS if name not in _COMPANIONS},
        )


def _with_trials_only(partials: Partials) -> pl.DataFrame:
    """The sums, with a row of zeros for the whole of each window and currency in which there is nothing but trials."""
    keys = ["window", "currency"]
    alone = partials.trials.join(partials.sums, on=keys, how="anti").select(
        "window", "currency", pl.lit(WHOLE).alias("dimension"), pl.lit(WHOLE).alias("segment")
    )
    if alone.is_empty():
        return partials.sums
    return pl.concat([partials.sums, alone], how="diagonal").with_columns(pl.col(SUMS).fill_null(0)).sort(_KEYS)


_COMPANIONS: Final = (
    "lowest",
    *endpoints.COMPANIONS,
    "flow_expansion",
    "flow_contraction",
    "flow_churn",
    "arrivals_expansion",
    "arrivals_contraction",
    "arrivals_churn",
    "member_returns",
)
"""Those SUMS that have no column of their own in the table of rollups."""
_NO_LISTS: Final[dict[str, Any]] = {
    leaders.LARGEST: [],
    leaders.GAINED: [],
    leaders.LOST: [],
    "causes": [],
    "trial_pipeline": 0,
    "trials": 0,
}


def _lists(partials: Partials) -> dict[tuple[int, str], dict[str, Any]]:
    """What stands behind the figures of the whole book, by window and currency."""
    found: dict[tuple[int, str], dict[str, Any]] = {}

    def place(row: dict[str, Any]) -> dict[str, Any]:
        key = (row.pop("window"), row.pop("currency"))
        return found.setdefault(
            key, {name: [] if isinstance(empty, list) else empty for name, empty in _NO_LISTS.items()}
        )

    for row in partials.leaders.drop("several").iter_rows(named=True):
        place(row)[row.pop("ranking")].append(row)
    for row in partials.causes.iter_rows(named=True):
        place(row)["causes"].append(row)
    for row in partials.trials.iter_rows(named=True):
        place(row).update(trial_pipeline=row["micros"], trials=row["trials"])
    return found
