"""Storing states of subscriptions and customers: each once, and a listing as a row only where it says something new.

A listing that says what the state before it says would be a row for every subscription and every night. It is kept as a further sighting
of that state, and becomes a row of its own when a state that lies between comes in later: what is stored in the end does not depend on
which came first.

"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, literal, select, update

from integrations.store.db.bulk import among, asked_for, insert_new
from integrations.store.db.chunks import chunks
from integrations.store.db.encoding import digest
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import customer_state, payload, subscription_state, unconfirmed
from integrations.store.facts.sightings import Sightings, pack, unpack
from integrations.store.facts.sightings import of as sightings_of
from metrics.evidence import Source

Place = tuple[str, str, int, int, str]
"""Customer, object, moment, source and id of the source: what a state is known by."""

_MOST_ASKED = 2000
_COLUMNS = ["bucket", "customer_id", "account", "at", "source", "source_id", "digest", "body", "learnt_at", "seen_until", "seen"]
_LISTED = int(Source.SNAPSHOT)


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
    held = _known(connection, table, object_column, account, {s.customer_id for s in found.values()})
    signs = {place: digest(state.body) for place, state in found.items()} | {place: sign for place, (sign, _) in held.items()}
    # Each further sighting that a row stands for, as a listing of its own, with the row.
    again = {(*place[:2], at, _LISTED, ""): place for place, (_, seen) in held.items() for at in seen.moments}
    signs = {**{place: held[of][0] for place, of in again.items()}, **signs}
    lasting = {(place[1], at) for place, (_, seen) in held.items() for at in seen.lasting}
    fresh = {place[0]: place[2] for place in sorted(found) if place[3] == _LISTED and place not in held and place not in again}
    confirmed = _confirmed(connection, account, fresh) if table is subscription_state else set()
    lasting |= {(place[1], place[2]) for place in found if place[0] in confirmed}
    wanted = _runs(signs, lasting)
    apart = {p: again[p] for p in wanted if p in again and p not in held and p not in found}
    bodies = _bodies(connection, table, object_column, account, sorted(set(apart.values())))
    _take_back(connection, table, object_column, account, [place for place in held if place not in wanted])
    moved = {p: seen for p, seen in wanted.items() if p in held and seen != held[p][1]}
    _move_on(connection, table, object_column, account, moved)
    of_subscriptions = table is subscription_state
    rows = []
    for place in sorted(p for p in wanted if p not in held):
        customer, object_id, at, source, source_id = place
        body, status = (found[place].body, found[place].status) if place in found else bodies[apart[place]]
        seen = wanted[place]
        row = [bucket_of(customer), customer, account, at, source, source_id, signs[place], body, learnt_at, seen.until, pack(seen)]
        rows.append([*row, object_id, status] if of_subscriptions else row)
    columns = [*_COLUMNS, "subscription_id", "status"] if of_subscriptions else _COLUMNS
    new = insert_new(connection, table, columns, rows, returning=(object_column, "customer_id", "at", "source"))
    listings = frozenset((str(o), int(at)) for o, _, at, source in new if source == Source.SNAPSHOT)
    return Kept(len(new), frozenset({*(str(c) for _, c, _, _ in new), *confirmed}), listings)


def _known(
    connection: Connection, table: Table, object_column: str, account: int, customers: set[str]
) -> dict[Place, tuple[str, Sightings]]:
    """The digests of what is stored of some customers, by place, and when each was seen again."""
    columns = (table.c.customer_id, table.c[object_column].label("object_id"), table.c.at, table.c.source, table.c.source_id)
    out: dict[Place, tuple[str, Sightings]] = {}
    for names in chunks(sorted(customers), _MOST_ASKED):
        asked = asked_for(connection, names)
        theirs = and_(table.c.bucket == asked.c.bucket, table.c.customer_id == asked.c.name)
        query = select(*columns, table.c.digest, table.c.seen).join_from(asked, table, theirs).where(table.c.account == account)
        for c, o, at, source, source_id, sign, seen in connection.execute(query).all():
            out[c, o, at, source, source_id] = (sign, unpack(seen))
    return out


def _runs(signs: Mapping[Place, str], lasting: Collection[tuple[str, int]]) -> dict[Place, Sightings]:
    """The rows that sightings make, with when each was seen again: a listing that says what the state before it says is no row."""
    found: dict[Place, list[int]] = {}
    last: tuple[str, str] | None = None
    row: list[int] = []
    for place in sorted(signs):
        _, object_id, at, source, _ = place
        said = (object_id, signs[place])
        if source == Source.EVENT_BEFORE:
            found[place] = []
        elif source == Source.SNAPSHOT and said == last:
            row.append(at)
        else:
            last = said
            row = found[place] = []
    return {
        p: sightings_of((at for at in seen if at > p[2]), (at for at in seen if (p[1], at) in lasting)) for p, seen in found.items()
    }


def _keyed(places: Iterable[Place], account: int) -> list[dict[str, object]]:
    return [
        {"b": bucket_of(c), "c": c, "a": account, "o": object_id, "t": at, "s": source, "i": source_id}
        for c, object_id, at, source, source_id in sorted(places)
    ]


def _mine(table: Table, object_column: str) -> ColumnElement[bool]:
    return and_(
        table.c.bucket == bindparam("b"),
        table.c.customer_id == bindparam("c"),
        table.c.account == bindparam("a"),
        table.c[object_column] == bindparam("o"),
        table.c.at == bindparam("t"),
        table.c.source == bindparam("s"),
        table.c.source_id == bindparam("i"),
    )


def _take_back(connection: Connection, table: Table, object_column: str, account: int, places: Sequence[Place]) -> None:
    if not places:
        return
    values = _keyed(places, account)
    connection.execute(delete(table).where(_mine(table, object_column)), values)
    if table is subscription_state:
        sent = and_(payload.c.account == bindparam("a"), payload.c.kind == "subscription", payload.c.object_id == bindparam("o"))
        connection.execute(
            delete(payload).where(sent, payload.c.at == bindparam("t"), payload.c.source_id == bindparam("i")), values
        )


def _move_on(connection: Connection, table: Table, object_column: str, account: int, moved: Mapping[Place, Sightings]) -> None:
    if not moved:
        return
    places = sorted(moved)
    values = [
        {**keyed, "u": moved[place].until, "m": pack(moved[place])}
        for place, keyed in zip(places, _keyed(places, account), strict=True)
    ]
    changed: dict[str, Any] = {"seen_until": bindparam("u"), "seen": bindparam("m")}
    connection.execute(update(table).where(_mine(table, object_column)).values(**changed), values)


def _bodies(
    connection: Connection, table: Table, object_column: str, account: int, places: Sequence[Place]
) -> dict[Place, tuple[bytes, str]]:
    """Body and status of stored states: the few whose second sighting becomes a row of its own."""
    status = table.c.status if table is subscription_state else literal("")
    query = select(table.c.body, status).where(_mine(table, object_column))
    out = {}
    for place in places:
        body, word = connection.execute(query, _keyed([place], account)[0]).one()
        out[place] = (body, word)
    return out


def _confirmed(connection: Connection, account: int, seen: Mapping[str, int]) -> set[str]:
    """Those whose invoice lines are newer than what a listing had said until now: that it says the same again is news."""
    if not seen:
        return set()
    mine = and_(unconfirmed.c.account == account, among(connection, unconfirmed.c.customer_id, sorted(seen)))
    waiting = connection.execute(select(unconfirmed.c.customer_id, unconfirmed.c.at).where(mine)).all()
    found = {str(customer) for customer, at in waiting if seen[customer] >= at}
    if found:
        done = and_(unconfirmed.c.account == account, unconfirmed.c.customer_id == bindparam("c"))
        connection.execute(delete(unconfirmed).where(done), [{"c": customer} for customer in sorted(found)])
    return found
