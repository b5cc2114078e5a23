"""Figures that are stored: as they are, as they were known at an instant, and what changed between two moments and who was behind it.

Reads only. What isn't stored (another window, another segment) is computed by `worker.figures.adhoc`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from integrations.store.db.engine import read
from integrations.store.figures import restatements, rollups
from integrations.store.work import runs
from metrics.ledger.basis import Basis
from metrics.movement_kinds import KINDS
from metrics.periods import Window
from metrics.retention.figures import Figures

AMOUNTS: Final = ("opening", "expansion", "contraction", "churn", "closing_of_cohort", "new", "reactivation", "closing")
"""What of a figure is compared in a difference."""


class NoSuchRun(LookupError):
    """There is no run of this number."""

    def __init__(self, run: int) -> None:
        super().__init__(f"there is no run {run}; run `nrr runs` to see which there are")


@dataclass(frozen=True, slots=True)
class Behind:
    """A customer behind the change of a closed month, in micros of its own currency: what was held, what is known now."""

    month: date
    customer: str
    currency: str
    opening_before: int
    opening_after: int
    closing_before: int
    closing_after: int
    flows_before: dict[str, int]
    flows_after: dict[str, int]
    run_id: int
    learnt_at: datetime


@dataclass(frozen=True, slots=True)
class RestatedFigure:
    """A figure that is known otherwise than before; None where it wasn't there."""

    before: Figures | None
    after: Figures | None
    learnt_at: datetime | None
    run_id: int | None

    @property
    def one(self) -> Figures:
        """The figure, for its window, segment and currency."""
        found = self.after or self.before
        assert found is not None
        return found

    def differences(self) -> dict[str, int]:
        """By how many micros each of AMOUNTS changed, as far as it did."""
        pairs = {name: (getattr(self.before, name, 0), getattr(self.after, name, 0)) for name in AMOUNTS}
        return {name: now - was for name, (was, now) in pairs.items() if now != was}


@dataclass(frozen=True, slots=True)
class KnownDifferently:
    """What was known differently at `until` than at `since`: figures, and the customers behind closed months."""

    since: datetime
    until: datetime
    changed: tuple[RestatedFigure, ...]
    behind: tuple[Behind, ...]


def figures(
    engine: Engine,
    basis: Basis,
    *,
    kind: str | None = None,
    window: Window | None = None,
    dimension: str | None = None,
    currency: str | None = None,
    as_known_at: datetime | None = None,
) -> list[Figures]:
    """Stored figures in order of window, dimension, segment and currency; as they were known at an instant, if one is given."""
    with read(engine) as connection:
        rows = rollups.current(
            connection,
            basis.version,
            kind=window.kind if window else kind,
            first=window.first if window else None,
            until=window.until if window else None,
            dimension=dimension,
            currency=currency,
            as_known_at=as_known_at,
        )
    return [_figures(row, basis) for row in rows]


def _figures(row: Any, basis: Basis) -> Figures:
    return Figures.from_row({**row, "policy": basis.policy.version})


def between_runs(
    engine: Engine, basis: Basis, earlier: int, later: int, *, kind: str | None = None, dimension: str | None = ""
) -> KnownDifferently:
    """What run `later` left known differently than run `earlier` had. Raises NoSuchRun."""
    with read(engine) as connection:
        since, until = sorted(_end_of(connection, run) for run in (earlier, later))
        return _between(connection, basis, since, until, kind, dimension)


def between(
    engine: Engine, basis: Basis, since: datetime, until: datetime, *, kind: str | None = None, dimension: str | None = ""
) -> KnownDifferently:
    """What was known differently at `until` than at `since`; of the whole book, of one dimension, or (None) of all."""
    with read(engine) as connection:
        return _between(connection, basis, since, until, kind, dimension)


def _end_of(connection: Connection, run: int) -> datetime:
    found = runs.get(connection, run)
    if found is None:
        raise NoSuchRun(run)
    return found.finished_at or found.heartbeat_at


def _between(
    connection: Connection, basis: Basis, since: datetime, until: datetime, kind: str | None, dimension: str | None
) -> KnownDifferently:
    found = rollups.between(connection, basis.version, since, until, kind=kind, dimension=dimension)
    changed = tuple(
        RestatedFigure(
            None if c.before is None else _figures(c.before, basis),
            None if c.after is None else _figures(c.after, basis),
            None if c.after is None else c.after["learnt_at"],
            None if c.after is None else c.after["run_id"],
        )
        for c in found
    )
    behind = restatements.of(connection, basis.version, since=since, until=until)
    return KnownDifferently(since, until, changed, tuple(_behind(row) for row in behind))


def _behind(row: dict[str, Any]) -> Behind:
    return Behind(**{name: row[name] for name in Behind.__dataclass_fields__})


def flows_changed(each: Behind) -> dict[str, int]:
    """By how much each kind of movement changed in the month, in micros."""
    pairs = {kind: (each.flows_before.get(kind, 0), each.flows_after.get(kind, 0)) for kind in KINDS}
    return {kind: now - was for kind, (was, now) in pairs.items() if now != was}


def latest(found: Sequence[Figures], *, complete: bool = True) -> list[Figures]:
    """Of figures of one kind those of the last window that is complete (of the last one, if none is, or if that is asked for)."""
    ends = [f.until for f in found if not (complete and f.incomplete)] or [f.until for f in found]
    return [f for f in found if f.until == max(ends)] if ends else []
