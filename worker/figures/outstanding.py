"""What is derived and what is still to come: customers with news that no figure knows of, and figures older than the ledger.

One state, told in the same words wherever it matters: `nrr runs`, `verify`, `doctor`, `explain`, `show` and the overview.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from integrations.store.facts import marks
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import previous
from integrations.store.work import key_value
from metrics.instants import Instant
from metrics.number_words import counted
from worker.figures.derived import known_present

_ALL = 1 << 30


@dataclass(frozen=True, slots=True)
class Outstanding:
    """`waiting`: how many customers have news that nothing was derived from. `outdated`: the ledger is newer than the figures of windows."""

    waiting: int
    outdated: bool

    def sentences(self) -> list[str]:
        """What to tell of it, each with the next command; none where everything is derived and summed up."""
        out = []
        if self.waiting:
            have = "has" if self.waiting == 1 else "have"
            out.append(f"{counted(self.waiting, 'customer', 'customers')} {have} news that no figure knows of yet; run: nrr rollup")
        if self.outdated:
            out.append("the ledger has changed since the figures of windows were made; run: nrr rollup")
        return out


def outstanding(connection: Connection, basis: str, now: Instant) -> Outstanding:
    """How things stand under a basis, by its version. Without a ledger nothing waits for one."""
    return Outstanding(len(waiting(connection, basis, now)), outdated(connection, basis))


def waiting(connection: Connection, basis: str, now: Instant) -> frozenset[str]:
    """Customers of whom something is known that nothing was derived from, or whose moment has come since, as far as the present is known."""
    marked = marks.marked_customers(connection)
    due = ledger_bases.due_again(connection, basis, known_present(connection, basis, now), _ALL)
    return frozenset(_named(connection, marked) if marked else ()) | frozenset(due)


def _named(connection: Connection, marked: Sequence[tuple[int, str]]) -> Collection[str]:
    from integrations.store.facts.customers import customer_merge  # knows evidence: who only looks loads it where there is news

    return customer_merge.names(connection, marked).values()


def outdated(connection: Connection, basis: str) -> bool:
    """Whether the ledger has changed since the figures were made; False before there are any."""
    held, made = ledger_bases.everything(connection).get(basis), key_value.get(connection, rollup_remembered(basis))
    if made is None or held is None or held.derived_at is None:
        return False
    return datetime.fromisoformat(made["at"]) < held.derived_at or bool(previous.marks(connection, basis).times)


def rollup_remembered(basis: str) -> str:
    """Where what a roll-up of a basis came to is remembered."""
    return f"rollup:{basis}"
