"""What a backfill would change, before anything is changed.

The facts are copied into a scratch database (a SQLite file in the temporary directory, removed afterwards), figures are made of the
copy, the backfill is read into the copy by the very jobs that would read it for real, and figures are made again: the difference is what
would come out. Reading inside one transaction of the real database and rolling it back would hold its locks for as long as Stripe takes,
and would allow one reader only; the copy costs disk and the time of deriving twice, and Stripe is asked as many questions as for real.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from integrations.store import copy as copy_database
from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts import accounts
from integrations.store.figures import rollups
from metrics.retention.figures import Figures
from worker.ingest.accounts import Sources
from worker.runs import backfill, refresh
from worker.runs.backfill import Request
from worker.runs.steps import Report
from worker.runs.watch import Progress, quiet
from worker.wiring.wiring import Wiring

_COMPARED: Final = (
    "opening",
    "expansion",
    "contraction",
    "churn",
    "closing_of_cohort",
    "new",
    "reactivation",
    "closing",
    "opening_customers",
    "closing_customers",
    "retained_customers",
)

Key = tuple[str, date, date, str]


@dataclass(frozen=True, slots=True)
class WindowChange:
    """Figures of one window of the whole book, as they are and as they would be; None where there are none."""

    kind: str
    first: date
    until: date
    currency: str
    before: Figures | None
    after: Figures | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a backfill would read and change. `facts` were copied to try it out on."""

    facts: int
    read: Report
    changes: tuple[WindowChange, ...]


def preview(wiring: Wiring, request: Request, *, shards: int | None = None, progress: Progress = quiet) -> Preview:
    """Try a backfill out on a copy. Writes nothing but the copy. Raises what `backfill.run` raises."""
    migrate.require_current(wiring.engine)
    with tempfile.TemporaryDirectory(prefix="nrr-preview-") as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'preview.sqlite3'}")
        try:
            migrate.upgrade(engine)
            with read(wiring.engine) as source, begin(engine) as target:
                facts = copy_database.copy(source, target)
            trial = _on(wiring, engine)
            before = _figures(trial)
            done = backfill.run(trial, request, shards=shards, progress=progress)
            after = _figures(trial) if done.status == "done" else before
        finally:
            engine.dispose()
    return Preview(facts, done, changes(before, after))


def _on(wiring: Wiring, engine: Any) -> Wiring:
    """The same installation over another database: its keys and limits, no segments."""
    sources = Sources(engine, wiring.sources.configured, lambda name, _livemode: wiring.sources.named(name))
    terms = replace(wiring.terms, threads=min(wiring.terms.threads, 8), standing=False)
    return replace(wiring, engine=engine, sources=sources, terms=terms, dimensions=())


def _figures(trial: Wiring) -> dict[Key, Figures]:
    """The figures of every window of the whole book, made anew."""
    with read(trial.engine) as connection:
        if not accounts.everything(connection):
            return {}
    if refresh.derive(trial).status != "done":
        return {}
    refresh.rollup(trial)
    with read(trial.engine) as connection:
        rows = rollups.current(connection, trial.basis.version, dimension="")
    found = [Figures.from_row({**row, "policy": trial.basis.policy.name}) for row in rows]
    return {(f.kind, f.first, f.until, f.currency): f for f in found}


def changes(before: Mapping[Key, Figures], after: Mapping[Key, Figures]) -> tuple[WindowChange, ...]:
    """The windows whose figures differ, in order."""
    keys: Sequence[Key] = sorted({*before, *after})
    return tuple(
        WindowChange(*key, before.get(key), after.get(key))
        for key in keys
        if _compared(before.get(key)) != _compared(after.get(key))
    )


def _compared(figures: Figures | None) -> tuple[int, ...] | None:
    return None if figures is None else tuple(getattr(figures, name) for name in _COMPARED)
