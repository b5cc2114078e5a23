"""MRR, retention and the bridge: stored figures in their versions, and those of any other window and segment, made on the way.

A `Figures` is one window, segment and currency (`all:usd` is the whole book expressed in USD) in micros; `metrics.retention.figures.rates`
gives its NRR, GRR and logo retention as decimal strings. Nothing that is made here is kept. MRR at a day's closing and how far the data is
complete are told by `worker.queries.standing`, and found here too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from integrations.store.db.engine import read
from integrations.store.figures import restatements as store_restatements
from integrations.store.figures import rollups
from metrics.dimensions import PER_CUSTOMER, parts, values
from metrics.periods import Window, add_months, month, quarter, trailing
from metrics.retention.analysis.certainty import WITH_INTERVAL, certainty
from metrics.retention.analysis.customers_behind import Part, PartKind, parts_of
from metrics.retention.figures import PRODUCTS, RATES, Figures, amounts, rates
from worker.figures import stored as kept
from worker.figures.stored import Behind, KnownDifferently
from worker.queries.session import Session, currency_of, ledger
from worker.queries.standing import complete_through, complete_until, mrr_at

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "Explained",
    "Restated",
    "between",
    "between_runs",
    "complete_through",
    "complete_until",
    "explained",
    "figures_frame",
    "first_complete",
    "last_complete",
    "mrr_at",
    "restated_by",
    "restatements",
    "retention",
    "stored",
]

_MONEY: Final = ("opening", "expansion", "contraction", "churn", "closing_of_cohort", "new", "reactivation", "closing", "fx")
"""The amounts of `Figures`, which has them in micros."""


def last_complete(session: Session) -> list[Window]:
    """The last month, the last quarter and the last twelve months that are complete, the days of grace after them too. Raises NothingDerived."""
    grace = session.basis.policy.grace_days
    end = add_months(complete_through(session) - timedelta(days=grace - 1), 0)
    last = end - timedelta(days=1)
    of_quarter = quarter(last)
    closed = of_quarter if of_quarter.until <= end else quarter(of_quarter.first - timedelta(days=1))
    return [month(last), closed, trailing(end, 12)]


def retention(session: Session, windows: Sequence[Window], dimensions: Sequence[str] = ()) -> list[Figures]:
    """Figures of any windows as a whole and by each of `dimensions` (`plan,country` is one), from the ledger as it stands.

    In order of window, dimension, segment and currency; of the whole book too where there is a reporting currency. Raises NothingDerived.
    """
    from worker.figures import adhoc  # with frames, which stored figures do without

    return adhoc.figures_now(session.engine, session.basis, windows, dimensions, reporting_currency=currency_of(session))


def stored(
    session: Session,
    *,
    kind: str | None = None,
    dimension: str | None = None,
    currency: str | None = None,
    as_known_at: datetime | None = None,
) -> list[Figures]:
    """Stored figures in order of window, dimension, segment and currency; as they were known at an instant, if one is given.

    `kind` is month, quarter, year, trailing_3, trailing_12 or month_to_date; `dimension` "" is the whole. Raises NothingDerived.
    """
    with ledger(session):
        pass  # figures of a ledger that was outdated as a whole are not shown as if they held
    return kept.figures(session.engine, session.basis, kind=kind, dimension=dimension, currency=currency, as_known_at=as_known_at)


def figures_frame(session: Session, first: date | None = None, until: date | None = None) -> "pl.DataFrame":
    """All current stored figures of windows within [first, until), a row each: what `nrr export rollups` writes. Raises NothingDerived.

    Columns: `window_kind`, `first_day`, `last_day`, which is part of it, `dimension`, `segment`, `currency` with `whole_book`, amounts in
    micros (`opening_micros` …), counts of customers, rates as numbers (null where there is none), and how sure they are. Names of before
    stand beside them for one release: `kind`, `first`, `until`, and micros without `_micros`. Without rows only `kind` is there.
    """
    import polars as pl

    with ledger(session) as connection:
        found = rollups.current(connection, session.basis.version)
    rows = []
    for row in found:
        if (first is None or row["first"] >= first) and (until is None or row["until"] <= until):
            f = Figures.from_row({**row, "policy": session.basis.policy.name})
            figures = {**f.to_row(), **rates(f), **certainty(f)}
            del figures[PRODUCTS]
            figures |= {"first_day": f.first, "last_day": f.until - timedelta(days=1), "window_kind": f.kind}
            figures |= {"currency": f.code, "whole_book": f.whole_book}
            figures |= {f"{name}_micros": figures[name] for name in _MONEY}
            rows.append(figures | {f"{name}_micros": value for name, value in amounts(f).items() if name not in figures})
    if not rows:
        return pl.DataFrame(schema={"kind": pl.String})
    frame = pl.DataFrame(rows, infer_schema_length=None)
    numbers = [*RATES, *(f"{rate}_{end}" for rate in WITH_INTERVAL for end in ("low", "high")), "effective_customers"]
    return frame.with_columns(pl.col(name).cast(pl.Float64) for name in numbers)


def between_runs(
    session: Session, earlier: int, later: int, *, kind: str | None = None, dimension: str | None = ""
) -> KnownDifferently:
    """What run `later` left known differently than run `earlier` had, and who was behind it. Raises NoSuchRun."""
    return kept.between_runs(session.engine, session.basis, earlier, later, kind=kind, dimension=dimension)


def between(
    session: Session, since: datetime, until: datetime, *, kind: str | None = None, dimension: str | None = ""
) -> KnownDifferently:
    """What was known differently at `until` than at `since`, and who was behind it."""
    return kept.between(session.engine, session.basis, since, until, kind=kind, dimension=dimension)


def first_complete(session: Session, window: Window) -> datetime | None:
    """When the figures of a window were first known to be complete: what a report of it could show from then on. None while they aren't."""
    with read(session.engine) as connection:
        return rollups.first_complete(connection, session.basis.version, (window.kind, window.first, window.until))


@dataclass(frozen=True, slots=True)
class Explained:
    """A figure of one window and segment, and the customers that make its expansion, contraction and churn: they add up to it exactly."""

    figure: Figures
    parts: Mapping[PartKind, Sequence[Part]]


def explained(session: Session, window: Window, *, dimension: str = "", segment: str = "") -> list[Explained]:
    """The figures of a window as a whole, or of one segment of a dimension, each with the customers behind it: of each currency, and of the
    whole book where there is a reporting currency. From the ledger as it stands; empty where nothing had MRR. Raises NothingDerived."""
    finest = f"{dimension},{PER_CUSTOMER}" if dimension else PER_CUSTOMER
    made = retention(session, [window], [*([dimension] if dimension else []), finest])
    own = tuple(values(segment)) if len(parts(dimension)) > 1 else (segment,)
    out = []
    for figure in made:
        if (figure.dimension, figure.segment) != (dimension, segment):
            continue
        mine = [
            f
            for f in made
            if f.dimension == finest and f.currency == figure.currency and (not dimension or values(f.segment)[:-1] == own)
        ]
        out.append(Explained(figure, parts_of(mine)))
    return out


@dataclass(frozen=True, slots=True)
class Restated:
    """A figure that a run changed: opening and closing in micros, as they are since its `version` and as they were before."""

    kind: str
    first: date
    until: date
    dimension: str
    segment: str
    currency: str
    version: int
    opening: int
    closing: int
    before_opening: int
    before_closing: int


def restated_by(session: Session, run: int) -> list[Restated]:
    """The figures that a run changed, in order of window and segment; none where it changed none."""
    with read(session.engine) as connection:
        rows = rollups.versions(connection, session.basis.version, run_id=run)
    return [Restated(**{name: row[name] for name in Restated.__dataclass_fields__}) for row in rows]


def restatements(session: Session, first: date | None = None, until: date | None = None) -> list[Behind]:
    """The customers behind changes of closed months that begin in [first, until), in order of month, run and customer."""
    with read(session.engine) as connection:
        rows = store_restatements.of(connection, session.basis.version)
    found = [Behind(**{name: row[name] for name in Behind.__dataclass_fields__}) for row in rows]
    return [each for each in found if (first is None or each.month >= first) and (until is None or each.month < until)]
