"""Whom the rows of somebody else's file stand for: by Stripe's ids, else by the names and addresses that are stored."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.facts import lookups
from integrations.store.facts.customers import contacts

BOOK: Final = "(whole book)"
"""The one customer of a file that names nobody."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The customers of a comparison: each stands for some customers of the ledger (none: a stranger) and for some keys of the file."""

    of_key: Mapping[str, str]
    members: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, tuple[str, ...]]
    by: Mapping[str, int]
    """How many keys were matched by id, subscription, e-mail or name."""

    @property
    def of_member(self) -> dict[str, str]:
        """For each customer of the ledger that the file names the one of the comparison."""
        return {member: name for name, members in self.members.items() for member in members}

    def is_stranger(self, customer: str) -> bool:
        """Whether the file names somebody whom nobody here knows."""
        return customer in self.members and not self.members[customer]


def match(connection: Connection, amounts: pl.DataFrame) -> Matched:
    """Who is who, for the rows of a file (`integrations.files.mrr_file.AMOUNTS`)."""
    people = amounts.group_by("key", maintain_order=True).agg(pl.col("email").max(), pl.col("name").max())
    rows = [(str(key), str(email), str(name)) for key, email, name in people.iter_rows()]
    ids = lookups.ledger_names(connection, [key for key, _, _ in rows if key])
    named = _people(connection) if len(ids) < len(rows) else {}
    by: Counter[str] = Counter()
    found: dict[str, tuple[str, ...]] = {}
    for key, email, name in rows:
        found[key], how = _resolved(connection, key, (email, name, key), ids, named)
        by[how] += 1
    return _grouped(found, {how: count for how, count in by.items() if how})


def whole_book(customers: Iterable[str]) -> Matched:
    """Everybody as one: for a file that names nobody."""
    return Matched({"": BOOK}, {BOOK: tuple(sorted(customers))}, {BOOK: ("",)}, {})


def _resolved(
    connection: Connection, key: str, names: tuple[str, ...], ids: Mapping[str, str], named: Mapping[str, list[str]]
) -> tuple[tuple[str, ...], str]:
    if key in ids:
        return (ids[key],), "id"
    if key.startswith("cus_"):
        return (), ""  # an id that nobody here knows is somebody else, whatever the address beside it
    if key.startswith("sub_"):
        owners = [customer for _, customer in lookups.customers_of(connection, key)]
        return tuple(sorted(set(lookups.ledger_names(connection, owners).values()))), "subscription" if owners else ""
    for said in names:
        if said and (known := named.get(_folded(said))):
            return tuple(sorted(set(known))), "e-mail" if "@" in said else "name"
    return (), ""


def _people(connection: Connection) -> dict[str, list[str]]:
    """The ledger's customers by address and by name, where such are stored."""
    everyone = contacts.everyone(connection)
    names = lookups.ledger_names(connection, [person.customer for person in everyone])
    out: dict[str, list[str]] = defaultdict(list)
    for person in everyone:
        for said in (person.email, person.name):
            if said and person.customer in names:
                out[_folded(said)].append(names[person.customer])
    return out


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _grouped(found: Mapping[str, tuple[str, ...]], by: Mapping[str, int]) -> Matched:
    """Keys that share a customer of the ledger are one customer of the comparison, and so are customers that share a key."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for key, members in found.items():
        for member in members:
            parent[root(f"m{member}")] = root(f"k{key}")
    keys: dict[str, list[str]] = defaultdict(list)
    members_of: dict[str, set[str]] = defaultdict(set)
    for key, members in found.items():
        keys[root(f"k{key}")].append(key)
        members_of[root(f"k{key}")] |= set(members)
    names = dict(_names(keys, members_of))
    return Matched(
        {key: names[root(f"k{key}")] for key in found},
        {names[node]: tuple(sorted(members_of[node])) for node in keys},
        {names[node]: tuple(sorted(theirs)) for node, theirs in keys.items()},
        by,
    )


def _names(keys: Mapping[str, list[str]], members: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    for node, theirs in keys.items():
        yield node, min(members[node]) if members[node] else min(theirs)
