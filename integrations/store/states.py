"""Storing states of subscriptions and customers: each once, and a listing only where it says something new.

A listing that says what the newest state before it says is no news, and would be a row for every subscription and every night. It is
left out, or taken back when the state before it comes in later: what is stored in the end does not depend on which came first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, and_, bindparam, delete, select

from integrations.store.bulk import asked_for, insert_new
from integrations.store.encoding import bucket_of, digest
from integrations.store.schema import customer_state, payload, subscription_state
from metrics.evidence import Source

Place = tuple[str, str, int, int, str]
"""Customer, object, moment, source and id of the source: what a state is known by."""

_MOST_ASKED = 2000
_COLUMNS = ["bucket", "customer_id", "account", "at", "source", "source_id", "digest", "body", "learnt_at"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A state to be stored; `object_id` is what it is a state of."""

    object_id: str
    customer_id: str
    at: int
    source: int
    source_id: str
    body: bytes
    status: str = ""

    @property
    def place(self) -> Place:
        """What it is known by, and its order among the states of its object."""
        return self.customer_id, self.object_id, self.at, self.source, self.source_id


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it: how many rows are new, whose they are, and the listings (object, moment) that say something new."""

    new: int
    customers: frozenset[str]
    listings: frozenset[tuple[str, int]]


def put_customers(connection: Connection, account: int, incoming: Iterable[Incoming], learnt_at: datetime) -> Kept:
    """Store states of customers."""
    return _put(connection, customer_state, "customer_id", account, incoming, learnt_at)


def put_subscriptions(connection: Connection, account: int, incoming: Iterable[Incoming], learnt_at: datetime) -> Kept:
    """Store states of subscriptions."""
    return _put(connection, subscription_state, "subscription_id", account, incoming, learnt_at)


def _put(
    connection: Connection, table: Table, object_column: str, account: int, incoming: Iterable[Incoming], learnt_at: datetime
) -> Kept:
    found = {s.place: s for s in incoming}
    if not found:
        return Kept(0, frozenset(), frozenset())
    signs = {place: digest(state.body) for place, state in found.items()}
    known = _known(connection, table, object_column, account, {s.customer_id for s in found.values()})
    repeated = _repeats({**signs, **known})
    _take_back(connection, table, object_column, account, [place for place in repeated if place in known])
    of_subscriptions = table is subscription_state
    rows = []
    for place in sorted(found):
        if place in repeated or place in known:
            continue
        s = found[place]
        row = [bucket_of(s.customer_id), s.customer_id, account, s.at, s.source, s.source_id, signs[place], s.body, learnt_at]
        rows.append([*row, s.object_id, s.status] if of_subscriptions else row)
    columns = [*_COLUMNS, "subscription_id", "status"] if of_subscriptions else _COLUMNS
    new = insert_new(connection, table, columns, rows, returning=(object_column, "customer_id", "at", "source"))
    listings = frozenset((str(o), int(at)) for o, _, at, source in new if source == Source.SNAPSHOT)
    return Kept(len(new), frozenset(str(c) for _, c, _, _ in new), listings)


def _known(connection: Connection, table: Table, object_column: str, account: int, customers: set[str]) -> dict[Place, str]:
    """The digests of what is stored of some customers, by place."""
    columns = (table.c.customer_id, table.c[object_column].label("object_id"), table.c.at, table.c.source, table.c.source_id)
    out: dict[Place, str] = {}
    ordered = sorted(customers)
    for index in range(0, len(ordered), _MOST_ASKED):
        names = ordered[index : index + _MOST_ASKED]
        asked = asked_for(connection, [bucket_of(n) for n in names], names)
        theirs = and_(table.c.bucket == asked.c.bucket, table.c.customer_id == asked.c.name)
        query = select(*columns, table.c.digest).join_from(asked, table, theirs).where(table.c.account == account)
        out |= {(c, o, at, source, source_id): sign for c, o, at, source, source_id, sign in connection.execute(query)}
    return out


def _repeats(signs: Mapping[Place, str]) -> set[Place]:
    """The listings that say what the state before them says."""
    out: set[Place] = set()
    last: tuple[str, str] | None = None
    for place in sorted(signs):
        _, object_id, _, source, _ = place
        if source == Source.EVENT_BEFORE:
            continue
        said = (object_id, signs[place])
        if source == Source.SNAPSHOT and said == last:
            out.add(place)
        last = said
    return out


def _take_back(connection: Connection, table: Table, object_column: str, account: int, places: Sequence[Place]) -> None:
    if not places:
        return
    values = [
        {"b": bucket_of(c), "c": c, "a": account, "o": object_id, "t": at, "s": source, "i": source_id}
        for c, object_id, at, source, source_id in sorted(places)
    ]
    theirs = and_(table.c.bucket == bindparam("b"), table.c.customer_id == bindparam("c"), table.c.account == bindparam("a"))
    mine = and_(table.c[object_column] == bindparam("o"), table.c.at == bindparam("t"), table.c.source == bindparam("s"))
    connection.execute(delete(table).where(theirs, mine, table.c.source_id == bindparam("i")), values)
    if table is subscription_state:
        sent = and_(payload.c.account == bindparam("a"), payload.c.kind == "subscription", payload.c.object_id == bindparam("o"))
        connection.execute(
            delete(payload).where(sent, payload.c.at == bindparam("t"), payload.c.source_id == bindparam("i")), values
        )
