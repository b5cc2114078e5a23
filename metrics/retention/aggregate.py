"""Retention of every window, segment and currency, from a ledger.

`partials` sums up one bucket of customers, `combine` adds buckets up, `figures` hands out what was found: everything is a sum or a count
over customers, or a list of the largest, so the number of buckets changes nothing. Definitions are in `metrics/DEFINITIONS.md`, the
rates in `metrics.retention.figures`. No rate is made here, and nothing is stored or read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from metrics.exchange_rates import Exchange
from metrics.instants import Instant
from metrics.money import BookCurrency
from metrics.periods import Window, is_incomplete
from metrics.policy import DEFAULT, Policy
from metrics.retention import rankings, segments, window_changes
from metrics.retention.figures import GAP, OPENING_ZERO, TOP, Figures
from metrics.retention.group_sums import Rows, tables
from metrics.retention.reporting_currency import Expressed, express
from metrics.retention.segments import Bands, Coded
from metrics.retention.spans import Book, Spans, build
from metrics.retention.window_changes import SUMS

WHOLE: Final = ""
"""The dimension and the segment of the whole book."""
_KEYS: Final = ("window", "dimension", "segment", "currency")


@dataclass(frozen=True, slots=True)
class Partials:
    """What some customers add to the figures of `windows`; the `window` columns are indices into it.

    `sums`: window, dimension, segment, currency and the SUMS. `leaders`, `causes`, `trials`: see `metrics.retention.rankings`; of the whole book only. `apart`:
    window, currency and the number of customers of what has no rate at the opening and is not in the whole book's figures.
    """

    windows: tuple[Window, ...]
    sums: pl.DataFrame
    leaders: pl.DataFrame
    causes: pl.DataFrame
    trials: pl.DataFrame
    apart: pl.DataFrame


def partials(
    book: Book,
    windows: Sequence[Window],
    *,
    dimensions: Sequence[str] = (),
    exchange: Exchange | None = None,
    bands: Bands = segments.BANDS,
    timezone: str = "UTC",
) -> Partials:
    """What the customers of `book` add to the figures of `windows`, as a whole and by each of `dimensions` (`plan,country` is one).

    In each currency apart and, with `exchange`, of the whole book in the reporting currency, under its label. `book` holds each of its
    customers whole. Raises BrokenLedger when the ledger contradicts itself.
    """
    asked = _Asked(tuple(windows), window_changes.asked_days(windows), (WHOLE, *dict.fromkeys(dimensions)), bands)
    sums, ranked = _by_currency(book, asked)
    causes = [rankings.causes(book.movements, windows, asked.days)]
    trials = [rankings.trials(book.exclusions, windows, timezone)]
    apart = pl.DataFrame(schema=_APART)
    if exchange is not None:
        abroad = express(book, windows, asked.days, exchange, asked.keys)
        label, apart = pl.lit(exchange.label), abroad.apart
        # Who pays in nothing but the reporting currency is worth the same there: those sums are taken over.
        home = (pl.col("currency") == exchange.reporting) & ~pl.col("several")
        sums = [*sums, *(table.filter(home).with_columns(currency=label) for table in sums), *_expressed(abroad, asked, label)]
        ranked = [
            *ranked,
            *(some.filter(home).with_columns(currency=label) for some in ranked),
            rankings.leaders_expressed(abroad.spans, abroad.values, exchange.label),
        ]
        at_home = book.movements.join(abroad.movements, on="customer", how="anti")
        moved = rankings.causes(pl.concat([at_home.select(abroad.movements.columns), abroad.movements]), windows, asked.days)
        less = rankings.causes_of(abroad.movements, abroad.left_out, windows)
        causes += [moved.with_columns(currency=label), less.with_columns(-pl.col("micros", "movements"), currency=label)]
        trials.append(rankings.trials(book.exclusions, windows, timezone, exchange))
    return Partials(
        asked.windows,
        _tidy(pl.concat(sums, how="diagonal")),
        rankings.first_of(pl.concat(ranked).with_columns(several=False)),
        _added(causes, "window", "currency", "kind", "cause"),
        _added(trials, "window", "currency"),
        apart,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What figures are asked for: windows, the days that they open and close with, dimensions (the whole first), and bands."""

    windows: tuple[Window, ...]
    days: list[date]
    dimensions: tuple[str, ...]
    bands: Bands

    @property
    def keys(self) -> list[str]:
        return segments.attribute_keys(self.dimensions)


_APART: Final = {"window": pl.UInt32, "currency": pl.String, "customers": pl.Int64}


def _by_currency(book: Book, asked: _Asked) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Sums and leaders of each currency on its own."""
    spans = build(book, asked.days, keys=asked.keys)
    ends = window_changes.ends_of(asked.windows, asked.days)
    openings = pl.DataFrame({"day": [start for start, _ in ends]}, schema={"day": pl.UInt32}).with_row_index("window")
    standing = window_changes.standing_at(spans, openings["day"].unique().sort().to_list())
    values = window_changes.values(spans, window_changes.pairs(spans, asked.windows), window_changes.staying(spans, asked.windows))
    ranked = rankings.leaders(spans, values, standing, asked.windows)
    changed = window_changes.beyond_standing(window_changes.moved(values), spans, values["a"])
    del values  # as large as what follows, which is what memory is needed for
    coded = segments.codes(spans, book, asked.dimensions, asked.bands)
    stood = Rows(_banded(standing, spans, coded), "day", len(asked.days))
    moved = Rows(_banded(changed, spans, coded), "window", len(asked.windows))
    at_openings = tables(stood, spans, coded, asked.dimensions, asked.bands)
    sums = [table.join(openings, on="day").drop("day") for table in at_openings]
    return [*sums, *tables(moved, spans, coded, asked.dimensions, asked.bands)], [ranked]


def _expressed(abroad: Expressed, asked: _Asked, label: pl.Expr) -> list[pl.DataFrame]:
    """Sums of those who pay in another currency or in several, in the reporting currency."""
    coded = segments.codes(abroad.spans, abroad.book, asked.dimensions, asked.bands)
    frame = window_changes.moved(abroad.values).hstack(abroad.values.select(f"{name}_micros" for name in segments.BANDED))
    rows = Rows(frame, "window", len(asked.windows))
    return [table.with_columns(currency=label) for table in tables(rows, abroad.spans, coded, asked.dimensions, asked.bands)]


def _banded(rows: pl.DataFrame, spans: Spans, coded: Mapping[str, Coded]) -> pl.DataFrame:
    """`rows` with the amounts that bands are made by, if any are asked for."""
    if not any(name in segments.BANDED for name in coded):
        return rows
    amounts = spans.rows.select(size_micros="net_micros", usage_micros="usage_micros")
    return rows.hstack(amounts.select(pl.all().gather(rows["row"])))


def _tidy(sums: pl.DataFrame) -> pl.DataFrame:
    """One row for each window, dimension, segment and currency that has anything to say, in order."""
    return sums.group_by(_KEYS).agg(pl.col(SUMS).sum()).filter(pl.any_horizontal(pl.col(name) != 0 for name in SUMS)).sort(_KEYS)


def _added(frames: Sequence[pl.DataFrame], *keys: str) -> pl.DataFrame:
    """The frames added up by `keys`; rows whose last column, a count, comes to nothing are left out."""
    return pl.concat(frames).group_by(keys).agg(pl.all().sum()).filter(pl.last() != 0).sort(keys)


def combine(some: Iterable[Partials]) -> Partials:
    """The figures of all customers from those of disjoint buckets, in any order. Raises ValueError without any, or if windows differ."""
    parts = list(some)
    if not parts or any(p.windows != parts[0].windows for p in parts):
        raise ValueError("partial figures add up only if there are some, all of the same windows")
    return Partials(
        parts[0].windows,
        _tidy(pl.concat([p.sums for p in parts])),
        rankings.first_of(pl.concat([p.leaders for p in parts])),
        _added([p.causes for p in parts], "window", "currency", "kind", "cause"),
        _added([p.trials for p in parts], "window", "currency"),
        _added([p.apart for p in parts], "window", "currency"),
    )


def changed(held: Partials, before: Partials, now: Partials, customers: pl.Series) -> tuple[Partials, list[int]]:
    """`held` with what `customers` are now in the place of what they were before, and the windows whose lists of leaders ran out.

    `before` and `now` are the partials of just these customers, for the windows of `held`. The lists of the windows named are shorter than
    they should be, and everything else is as if all customers had been added up. Raises ValueError when the windows differ.
    """
    if not held.windows == before.windows == now.windows:
        raise ValueError("only figures of the same windows can take each other's place")
    ranked, short = rankings.replaced(held.leaders, now.leaders, customers)
    less = negated(before)
    return (
        Partials(
            held.windows,
            _tidy(pl.concat([held.sums, less.sums, now.sums])),
            ranked,
            _added([held.causes, less.causes, now.causes], "window", "currency", "kind", "cause"),
            _added([held.trials, less.trials, now.trials], "window", "currency"),
            _added([held.apart, less.apart, now.apart], "window", "currency"),
        ),
        short,
    )


def negated(some: Partials) -> Partials:
    """What takes `some` away when it is added; lists of leaders can't be taken away, and stay."""
    return replace(
        some,
        sums=some.sums.with_columns((0 - pl.col(name)).alias(name) for name in SUMS),  # 128 bits know no unary minus
        causes=some.causes.with_columns(-pl.col("micros", "movements")),
        trials=some.trials.with_columns(-pl.col("micros", "trials")),
        apart=some.apart.with_columns(-pl.col("customers")),
    )


def of_windows(some: Partials, windows: Sequence[Window]) -> Partials:
    """`some` as far as it is of `windows`, in their order; a window that it doesn't have has nothing."""
    places = {window: number for number, window in enumerate(windows)}
    number = {old: places[window] for old, window in enumerate(some.windows) if window in places}
    into = pl.col("window").replace_strict(number, default=None, return_dtype=pl.UInt32)

    def moved(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(into).drop_nulls("window").sort("window", maintain_order=True)

    return Partials(
        tuple(windows), moved(some.sums), moved(some.leaders), moved(some.causes), moved(some.trials), moved(some.apart)
    )


def finish(
    partials: Partials,
    policy: Policy = DEFAULT,
    *,
    complete_until: Instant,
    timezone: str = "UTC",
    gaps: Sequence[tuple[date, date]] = (),
    of_whole_only: bool = False,
) -> Iterator[Figures]:
    """The figures of every window, dimension, segment and currency in which there is something, in that order.

    `complete_until` is the instant up to which the data is complete: windows that end later, or whose grace does, are marked incomplete. `gaps` are half-open
    ranges of days whose evidence is missing: the rates of windows that touch one are null with the reason `gap`. `of_whole_only` leaves
    segments out.
    """
    lists, version = _lists(partials), policy.version
    marks = [
        (
            is_incomplete(w, complete_until, timezone, policy.grace_days),
            any(since < w.until and w.first - timedelta(days=1) < until for since, until in gaps),
        )
        for w in partials.windows
    ]
    chosen = chosen_by(policy)
    order = ["window", "dimension", "segment", "currency", *OWN, *CARRIED_COMPANIONS]
    asked = _with_trials_only(partials).select(order).filter((pl.col("dimension") == WHOLE) | (not of_whole_only))
    for number, dimension, segment, currency, *sums in asked.iter_rows():
        window, (incomplete, gap) = partials.windows[number], marks[number]
        own = dict(zip(OWN, sums, strict=False))
        companions = dict(zip(CARRIED_COMPANIONS, sums[len(OWN) :], strict=True)) | chosen
        if dimension == WHOLE:
            companions |= lists.get((number, currency), _NO_LISTS)
        yield Figures(
            version,
            window.kind,
            window.first,
            window.until,
            dimension,
            segment,
            currency,
            closing_of_cohort=own["opening"] + own["expansion"] - own["contraction"] - own["churn"],
            companions=companions,
            incomplete=incomplete,
            reason=GAP if gap else OPENING_ZERO if own["opening"] == 0 else None,
            **own,
        )


def chosen_by(policy: Policy) -> dict[str, Any]:
    """What of a policy decides how rates are read off figures: it goes with them."""
    return {"grr_by": policy.grr_by, "reactivation_in_flow": policy.reactivation_in_net_flow}


def _with_trials_only(partials: Partials) -> pl.DataFrame:
    """The sums, with a row of zeros for the whole of each window and currency in which there is nothing but trials."""
    keys = ["window", "currency"]
    alone = partials.trials.join(partials.sums, on=keys, how="anti").select(
        "window", "currency", pl.lit(WHOLE).alias("dimension"), pl.lit(WHOLE).alias("segment")
    )
    if alone.is_empty():
        return partials.sums
    return pl.concat([partials.sums, alone], how="diagonal").with_columns(pl.col(SUMS).fill_null(0)).sort(_KEYS)


CARRIED_COMPANIONS: Final = (
    "lowest",
    *window_changes.COMPANIONS,
    "flow_expansion",
    "flow_contraction",
    "flow_churn",
    "arrivals_expansion",
    "arrivals_contraction",
    "arrivals_churn",
    "member_returns",
    "switched_logos",
)
"""Those SUMS that have no column of their own in the table of rollups."""
OWN: Final = tuple(name for name in SUMS if name not in CARRIED_COMPANIONS)
"""Those that have."""
_NO_LISTS: Final[dict[str, Any]] = {
    rankings.LARGEST: [],
    rankings.GAINED: [],
    rankings.LOST: [],
    "causes": [],
    "trial_pipeline": 0,
    "trials": 0,
}


def _lists(partials: Partials) -> dict[tuple[int, str], dict[str, Any]]:
    """What stands behind the figures of the whole book, by window and currency."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    whole_book = [c for c in partials.sums["currency"].unique() if BookCurrency.of(c).whole_book]

    def place(row: dict[str, Any]) -> dict[str, Any]:
        key = (row.pop("window"), row.pop("currency"))
        if key not in found:
            found[key] = {name: [] if isinstance(empty, list) else empty for name, empty in _NO_LISTS.items()}
        return found[key]

    for row in partials.apart.drop("customers").iter_rows(named=True):
        for currency in whole_book:
            place({"window": row["window"], "currency": currency}).setdefault("apart", []).append(row["currency"])
    shown = partials.leaders.group_by("window", "currency", "ranking").head(TOP).drop("several", "cut")
    for row in shown.iter_rows(named=True):
        place(row)[row.pop("ranking")].append(row)
    for row in partials.causes.iter_rows(named=True):
        place(row)["causes"].append(row)
    for row in partials.trials.iter_rows(named=True):
        place(row).update(trial_pipeline=row["micros"], trials=row["trials"])
    return found
