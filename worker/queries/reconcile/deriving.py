"""What customers hold under other answers, made from the evidence on the way. Nothing is kept."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import product
from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.facts import accounts, catalog
from integrations.store.facts import read as read_facts
from integrations.store.ledger import read as read_ledger
from metrics.entries import CustomerLedger
from metrics.evidence import CustomerGroup, Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from metrics.ledger.policy_bridge import AROUND, switched
from metrics.pricing.catalog import Catalog
from metrics.reconcile.choices import Switch, may_matter, switches
from metrics.reconcile.views import Views
from metrics.retention.spans import STANDINGS

_COLUMNS: Final = ("customer", "account", "day", "currency", "net_micros", "subscriptions")


class Deriving:
    """Derives customers under one basis and others, as of one moment, within one reading transaction."""

    def __init__(self, connection: Connection, basis: Basis, now: Instant) -> None:
        self.connection = connection
        self.basis = basis
        self.now = now
        self._catalogs: Mapping[int, Catalog] = {
            row.id: catalog.load(connection, row.id) for row in accounts.everything(connection)
        }
        self._derivers: dict[str, Deriver] = {}

    def under(self, basis: Basis) -> "Deriving":
        """The same for another basis."""
        other = copy(self)
        other.basis = basis
        return other

    def ledger(self, group: CustomerGroup, basis: Basis) -> CustomerLedger:
        """One customer under any basis."""
        deriver = self._derivers.get(basis.version)
        if deriver is None:
            deriver = self._derivers[basis.version] = Deriver(self._catalogs, basis)
        return deriver.derive(group, self.now)

    def standings(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """Standings (of the customers named, or of all) under the basis, as `spans.STANDINGS`."""
        rows: dict[str, list[object]] = {name: [] for name in _COLUMNS}
        for group in read_facts.groups(self.connection, only=names):
            for s in self.ledger(group, self.basis).standings:
                for name in _COLUMNS:
                    rows[name].append(getattr(s, name))
        return pl.DataFrame(rows, schema={name: STANDINGS[name] for name in _COLUMNS})

    def standings_from(self, stored: Basis, kept: pl.DataFrame) -> pl.DataFrame:
        """The same of everybody, where `kept` is what they stand at under a basis that is stored: who can't differ isn't derived."""
        choices = [rule.choice for rule in switched(stored, self.basis)[0]]
        rows: dict[str, list[object]] = {name: [] for name in _COLUMNS}
        derived: list[str] = []
        for group in read_facts.groups(self.connection):
            # What only the ledger tells is asked of no ledger here: those choices are tried whenever they differ.
            if not any(_may_matter_without_ledger(choice, group) for choice in choices):
                continue
            derived.append(group.customer)
            for s in self.ledger(group, self.basis).standings:
                for name in _COLUMNS:
                    rows[name].append(getattr(s, name))
        unchanged = kept.select(_COLUMNS).filter(~pl.col("customer").is_in(derived))
        return pl.concat([unchanged, pl.DataFrame(rows, schema=unchanged.schema)])

    def views(self, members: Mapping[str, Sequence[str]], tried: Sequence[Switch] | None = None) -> dict[str, Views]:
        """For each customer of a comparison (whose `members` are customers of the ledger) what it holds in every way of reckoning."""
        of_member = {member: name for name, theirs in members.items() for member in theirs}
        out: dict[str, Views] = defaultdict(Views)
        changed: list[tuple[str, Switch, CustomerLedger, CustomerLedger]] = []
        every = switches(self.basis) if tried is None else tried
        for group in read_facts.groups(self.connection, only=sorted(of_member)):
            name = of_member[group.customer]
            base = self.ledger(group, self.basis)
            out[name].add(base, self.basis.timezone)
            for switch in every:
                if may_matter(switch.choice, group, base):
                    otherwise = self.ledger(group, switch.applied(self.basis))
                    if otherwise.standings != base.standings:
                        changed.append((name, switch, _lean(base), _lean(otherwise)))
        for name, switch, base, otherwise in changed:
            out[name].add_switched((switch,), base, otherwise)
        return out

    def add_pairs(self, members: Mapping[str, Sequence[str]], views: Mapping[str, Views]) -> None:
        """Take in what two other answers together come to, for customers whose members are named, where one of them changes anything."""
        of_member = {member: name for name, theirs in members.items() for member in theirs}
        every = switches(self.basis)
        order = {switch: index for index, switch in enumerate(every)}
        for group in read_facts.groups(self.connection, only=sorted(of_member)):
            theirs = views[of_member[group.customer]]
            singles = {pair[0] for pair in theirs.switched if len(pair) == 1}
            base = self.ledger(group, self.basis)
            partners = [switch for switch in every if may_matter(switch.choice, group, base)]
            pairs = {tuple(sorted((a, b), key=order.__getitem__)) for a, b in product(singles, partners) if a.choice != b.choice}
            for first, second in sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]])):
                otherwise = self.ledger(group, second.applied(first.applied(self.basis)))
                if otherwise.standings != base.standings:
                    theirs.add_switched((first, second), base, otherwise)


def _lean(ledger: CustomerLedger) -> CustomerLedger:
    """The ledger without what a comparison doesn't look at again."""
    return replace(ledger, movements=(), timelines=(), findings=(), exclusions=(), attributes=())


def _may_matter_without_ledger(choice: str, group: CustomerGroup) -> bool:
    return choice in _TOLD_BY_LEDGER or may_matter(choice, group, _EMPTY)


_TOLD_BY_LEDGER: Final = frozenset({"weeks", "days", "metered", "tax_inclusive_gross", "internal", *AROUND})
_EMPTY: Final = CustomerLedger("", (), (), (), (), ())


def stored_standings(connection: Connection, basis: Basis) -> pl.DataFrame:
    """What everybody stands at as stored under a basis."""
    return read_ledger.standings(connection, basis.version)
