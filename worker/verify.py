"""Verifying: deriving everything again and comparing it with what is stored, from the ledger to the figures. Nothing is changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from integrations.store import book, checking, evidence, ledger, members, rollups
from integrations.store.engine import read
from metrics.figures import Figures
from metrics.periods import Window
from metrics.snapshots import check_identity
from worker.derive import deriver_of
from worker.figures import figures_now, shard_count
from worker.wiring import Wiring

SHARDS = 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked and what doesn't agree. `waiting` customers have news that no figure knows of yet: they were left out."""

    customers: int
    movements: int
    windows: int
    waiting: int
    ledger: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that doesn't agree."""
        return (*self.ledger, *self.identity, *self.figures)


def verify(wiring: Wiring, *, told: Callable[[str, int], None] = lambda _what, _count: None) -> Verdict:
    """Derive every customer again as of the moment of the last derivation and compare; check the identities; make the figures again.

    Raises NothingDerived when there is no ledger.
    """
    basis = wiring.basis
    with read(wiring.engine) as connection:
        held = ledger.bases(connection).get(basis.version)
        waiting = _waiting(connection, basis.version, wiring)
        span = book.span(connection, basis.version)
    until = held.derived_until if held is not None and held.derived_until is not None else wiring.now
    customers, wrong = 0, []
    for shard in range(SHARDS):
        wiring.stop.check()
        with read(wiring.engine) as connection:
            deriver = deriver_of(connection, basis)
            fresh = [deriver.derive(group, until) for group in evidence.groups(connection, shard=(shard, SHARDS))]
            wrong += checking.differences(connection, basis.version, (shard, SHARDS), fresh, waiting)
        customers += len(fresh)
        told("customers", len(fresh))
    movements, broken = _identity(wiring, span)
    windows, differing = _figures(wiring, told) if not waiting else (0, [])
    return Verdict(customers, movements, windows, len(waiting), tuple(str(each) for each in wrong), tuple(broken), tuple(differing))


def _waiting(connection: Connection, basis: str, wiring: Wiring) -> frozenset[str]:
    """Customers of whom something is known that nothing was derived from, or whose moment has come since."""
    marked, _ = evidence.touched_customers(connection)
    named = members.names(connection, marked).values() if marked else ()
    return frozenset(named) | frozenset(ledger.due_again(connection, basis, wiring.now, 1 << 30))


def _identity(wiring: Wiring, span: tuple[date, date] | None) -> tuple[int, list[str]]:
    """Every break of the identity, for each customer, currency and day and in total, and how many movements were looked at."""
    if span is None:
        return 0, []
    first, until = span[0], span[1] + timedelta(days=1)
    count, out = 0, []
    with read(wiring.engine) as connection:
        shards = shard_count(connection, wiring.basis.version)
        for index in range(shards):
            some = book.book(connection, wiring.basis.version, shard=(index, shards))
            count += len(some.movements)
            out += [str(each) for each in check_identity(some.movements, some.standings, first, until)]
    return count, out


def _figures(wiring: Wiring, told: Callable[[str, int], None]) -> tuple[int, list[str]]:
    """The stored figures against ones that are made anew from the stored ledger, and the identity of each."""
    with read(wiring.engine) as connection:
        rows = rollups.current(connection, wiring.basis.version)
    stored = [Figures.from_row({**row, "policy": wiring.basis.policy.name}) for row in rows]
    out = [f"{_named(f)}: {problem}" for f in stored for problem in f.breaks()]
    windows = sorted({Window(f.kind, f.first, f.until) for f in stored}, key=lambda w: (w.first, w.until, w.kind))
    dimensions = sorted({f.dimension for f in stored if f.dimension})
    reporting = next((f.currency.removeprefix("all:") for f in stored if f.currency.startswith("all:")), None)
    for part in _parts(windows, 24):
        fresh = {_key(f): f for f in figures_now(wiring.engine, wiring.basis, part, dimensions, reporting_currency=reporting)}
        held = {_key(f): f for f in stored if Window(f.kind, f.first, f.until) in set(part)}
        told("windows", len(part))
        for key in sorted({*fresh, *held}):
            one, other = held.get(key), fresh.get(key)
            if one is None or other is None:
                if other is None or not _empty(other):
                    out.append(
                        f"{' '.join(str(k) for k in key if k)}: {'not stored' if one is None else 'stored, but nothing is in it'}"
                    )
            elif _sums(one) != _sums(other):
                named = sorted(name for name, value in _sums(one).items() if value != _sums(other)[name])
                out.append(f"{_named(one)}: stored figures differ in {', '.join(named)}")
    return len(windows), out


def _key(f: Figures) -> tuple[str, str, str, str, str, str]:
    return f.kind, f.first.isoformat(), f.until.isoformat(), f.dimension, f.segment, f.currency


def _named(f: Figures) -> str:
    return " ".join(part for part in _key(f) if part)


def _sums(f: Figures) -> dict[str, object]:
    """What must agree: everything but what tells of the moment at which figures were made."""
    row = f.to_row()
    return {name: value for name, value in row.items() if name not in ("incomplete", "version", "companions", "policy", "reason")}


def _empty(f: Figures) -> bool:
    return not any(value for value in (f.opening, f.closing, f.new, f.reactivation, f.closing_of_cohort))


def _parts(windows: Sequence[Window], size: int) -> list[Sequence[Window]]:
    return [windows[index : index + size] for index in range(0, len(windows), size)]
