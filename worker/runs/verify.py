"""Verifying: deriving everything again and comparing it with what is stored, from the ledger to the figures. Nothing is changed.

Each part is compared within one reading transaction, with the facts, the marks and the ledger of one moment: others may go on storing
facts meanwhile. When a difference was found while others were deriving, nothing is said at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from integrations.store.db.chunks import chunks
from integrations.store.db.engine import read
from integrations.store.facts import read as read_facts
from integrations.store.figures import rollups
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import diff as ledger_diff
from integrations.store.ledger import read as read_ledger
from integrations.store.ledger import totals, weights
from integrations.store.work import runs
from metrics.ledger.basis import Basis
from metrics.periods import Window
from metrics.retention.day_totals import check_identity
from metrics.retention.figures import Figures
from metrics.window_kinds import TO_DATE
from worker.figures import outstanding
from worker.figures.adhoc import figures_now, shard_count
from worker.figures.derive import deriver_of, shards_of
from worker.figures.derived import derived_until
from worker.runs import steps
from worker.runs.watch import Progress, quiet
from worker.wiring.wiring import Wiring


class Moved(RuntimeError):
    """The ledger or the figures were made anew while they were checked, so that what differs means nothing."""

    def __init__(self) -> None:
        super().__init__("figures were made while they were being checked, so nothing can be said of them. Run again: nrr verify")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and what doesn't agree. `waiting` customers have news that no figure knows of yet: they were left out.

    `outdated`: the ledger has changed since the figures were made, so only the ledger was compared.
    """

    customers: int
    movements: int
    windows: int
    waiting: int
    ledger: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    outdated: bool = False

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that doesn't agree."""
        return (*self.ledger, *self.identity, *self.figures)


def verify(wiring: Wiring, *, told: Progress = quiet) -> Verification:
    """Derive every customer again as of the moment of the last derivation and compare; check the identities; make the figures again.

    Raises NothingDerived when there is no complete ledger, and Moved.
    """
    basis = wiring.basis
    with read(wiring.engine) as connection:
        derived_until(connection, basis)
        before = _state(connection, basis)
        span = totals.span(connection, basis.version)
        outdated = outstanding.outdated(connection, basis.version)
        shards = shards_of(connection)
    customers, wrong, waiting = 0, [], set[str]()
    for shard in range(shards):
        wiring.stop.check()
        with read(wiring.engine) as connection:
            until = derived_until(connection, basis)
            left_out = outstanding.waiting(connection, basis.version, wiring.now) | weights.left_out(connection, basis.version)
            deriver = deriver_of(connection, basis)
            fresh = [deriver.derive(group, until) for group in read_facts.groups(connection, shard=(shard, shards))]
            wrong += ledger_diff.differences(connection, basis.version, (shard, shards), fresh, left_out)
        waiting |= left_out
        customers += len(fresh)
        told("customers", len(fresh))
    movements, broken = _identity(wiring, span)
    windows, differing = (0, []) if outdated else _figures(wiring, told)
    found = Verification(
        customers, movements, windows, len(waiting), tuple(str(each) for each in wrong), tuple(broken), tuple(differing), outdated
    )
    if found.problems:
        with read(wiring.engine) as connection:
            after = _state(connection, basis)
        if before != after or any(status == "running" for _, status in after[1]):
            raise Moved
    return found


def _state(connection: Connection, basis: Basis) -> tuple[ledger_bases.BasisRow | None, list[tuple[int, str]]]:
    """What tells whether ledger and figures are being made, or were made since."""
    makers = [run for kind in steps.EXCLUSIVE if (run := runs.last(connection, kind=kind))]
    return ledger_bases.everything(connection).get(basis.version), [(run.id, run.status) for run in makers]


def _identity(wiring: Wiring, span: tuple[date, date] | None) -> tuple[int, list[str]]:
    """Every break of the identity, for each customer, currency and day and in total, and how many movements were looked at."""
    if span is None:
        return 0, []
    first, until = span[0], span[1] + timedelta(days=1)
    count, out = 0, []
    with read(wiring.engine) as connection:
        shards = shard_count(connection, wiring.basis.version)
        for index in range(shards):
            some = read_ledger.book(connection, wiring.basis.version, shard=(index, shards))
            count += len(some.movements)
            out += [str(each) for each in check_identity(some.movements, some.standings, first, until)]
    return count, out


def _figures(wiring: Wiring, told: Progress) -> tuple[int, list[str]]:
    """The stored figures against ones that are made anew from the stored ledger, and the identity of each."""
    with read(wiring.engine) as connection:
        rows = rollups.current(connection, wiring.basis.version)
        adjusted = {
            tuple(row[k] for k in rollups.KEY): row["figures"] for row in rollups.adjustments(connection, wiring.basis.version)
        }
    stored = _kept_up(Figures.from_row({**row, "policy": wiring.basis.policy.name}) for row in rows)
    out = [f"{_named(f)}: {problem}" for f in stored for problem in f.breaks()]
    windows = sorted({Window(f.kind, f.first, f.until) for f in stored}, key=lambda w: (w.first, w.until, w.kind))
    dimensions = sorted({f.dimension for f in stored if f.dimension})
    reporting = next((f.code for f in stored if f.whole_book), None)
    for part in chunks(windows, 24):
        fresh = {_key(f): f for f in figures_now(wiring.engine, wiring.basis, part, dimensions, reporting_currency=reporting)}
        held = {_key(f): f for f in stored if Window(f.kind, f.first, f.until) in set(part)}
        told("windows", len(part))
        for key in sorted({*fresh, *held}, key=str):
            one, other = held.get(key), fresh.get(key)
            if one is None or other is None:
                if other is None or not _empty(other):
                    out.append(
                        f"{' '.join(str(k) for k in key if k)}: {'not stored' if one is None else 'stored, but nothing is in it'}"
                    )
            elif _sums(one) != _sums(other) and not _said_apart(adjusted.get(key), other):
                named = sorted(name for name, value in _sums(one).items() if value != _sums(other)[name])
                out.append(f"{_named(one)}: stored figures differ in {', '.join(named)}")
    return len(windows), out


def _kept_up(stored: Iterable[Figures]) -> list[Figures]:
    """Without the months to date of days gone by: those stay as they were known on their day."""
    found = list(stored)
    latest = max((f.until for f in found if f.kind == TO_DATE.name), default=None)
    return [f for f in found if f.kind != TO_DATE.name or f.until == latest]


def _said_apart(adjustment: Mapping[str, object] | None, fresh: Figures) -> bool:
    """Whether frozen figures differ by what was booked as an adjustment of them, and by nothing else."""
    return adjustment is not None and all(adjustment[name] == value for name, value in _sums(fresh).items() if name in adjustment)


def _key(f: Figures) -> tuple[object, ...]:
    return tuple(getattr(f, name) for name in rollups.KEY)


def _named(f: Figures) -> str:
    return " ".join(str(part) for part in _key(f) if part)


def _sums(f: Figures) -> dict[str, object]:
    """What must agree: everything but what tells of the moment at which figures were made."""
    row = f.to_row()
    return {name: value for name, value in row.items() if name not in ("incomplete", "version", "policy")}


def _empty(f: Figures) -> bool:
    return not any(value for value in (f.opening, f.closing, f.new, f.reactivation, f.closing_of_cohort))
