"""The bridge between two policies at a date: which customers differ, by how much, and which single choice is behind it.

Two systems that disagree about MRR nearly always disagree about a definition. The choices are switched from the one policy to the other one
after the other, always in the same order, and what each switch changes is its share: the shares add up to the difference exactly, for
each customer and in total. Everything is derived afresh from the evidence, so no figure has to be stored for a policy that is only
looked at. Nothing here reads or prints.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from itertools import pairwise
from typing import Final

from metrics.assigned import replace
from metrics.entries import CustomerLedger
from metrics.evidence import CustomerGroup, Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog

SAME_MRR: Final = frozenset({"name", "reactivation", "reactivation_days", "reactivation_in_net_flow", "grr_by"})
"""Choices that name movements or rates and leave every customer's MRR as it is."""
AROUND: Final = ("timezone", "internal", "migration_key")
"""What a basis holds besides its policy and may differ in as well."""


class Incomparable(ValueError):
    """The two bases don't agree about who is a customer, so their customers can't be set side by side."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A choice that the two sides answer differently, in the words of a setting."""

    choice: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Share:
    """What switching one rule changes in one currency, and for how many customers."""

    rule: Rule
    currency: str
    delta_micros: int
    customers: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One customer's MRR in one currency on both sides. `shares` are by choice, in the order of switching, without zeros."""

    customer: str
    currency: str
    ours_micros: int
    theirs_micros: int
    shares: tuple[tuple[str, int], ...]

    @property
    def delta_micros(self) -> int:
        """What the second policy shows more than the first: the sum of the shares."""
        return self.theirs_micros - self.ours_micros


@dataclass(frozen=True, slots=True)
class Total:
    """MRR of the whole book in one currency on both sides; `customers` differ."""

    currency: str
    ours_micros: int
    theirs_micros: int
    customers: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """From the MRR of one policy to that of another, at the closing of a day.

    For each currency the first total plus all shares is the second. Differences come largest first, within a currency.
    """

    ours: str
    theirs: str
    day: date
    rules: tuple[Rule, ...]
    totals: tuple[Total, ...]
    shares: tuple[Share, ...]
    differences: tuple[Difference, ...]


def compare(
    groups: Iterable[CustomerGroup], catalogs: Mapping[int, Catalog], ours: Basis, theirs: Basis, day: date, now: Instant
) -> Bridge:
    """The bridge from `ours` to `theirs` at the closing of `day`, from evidence as of `now`. `groups` is read once; `catalogs` are by account.

    Raises Incomparable when the two merge customers by different metadata keys.
    """
    rules, ladder = switched(ours, theirs)
    derivers = [Deriver(catalogs, basis) for basis in ladder]
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    shares: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    differences: list[Difference] = []
    for group in groups:
        first, last = (standing(derivers[n].derive(group, now), day) for n in (0, -1))
        for currency in sorted({*first, *last}):
            before, after = first.get(currency, 0), last.get(currency, 0)
            total = totals[currency]
            total[0], total[1], total[2] = total[0] + before, total[1] + after, total[2] + (before != after)
        if first == last:
            continue
        between = [standing(deriver.derive(group, now), day) for deriver in derivers[1:-1]]
        rungs = [first, *between, last]
        for currency in sorted({c for rung in rungs for c in rung}):
            before, after = first.get(currency, 0), last.get(currency, 0)
            if before == after:
                continue
            moved = [b.get(currency, 0) - a.get(currency, 0) for a, b in pairwise(rungs)]
            for index, delta in enumerate(moved):
                if delta:
                    share = shares[index, currency]
                    share[0], share[1] = share[0] + delta, share[1] + 1
            named = tuple((rule.choice, delta) for rule, delta in zip(rules, moved, strict=True) if delta)
            differences.append(Difference(group.customer, currency, before, after, named))
    differences.sort(key=lambda d: (d.currency, -abs(d.delta_micros), d.customer))
    return Bridge(
        ours.policy.name,
        theirs.policy.name,
        day,
        rules,
        tuple(Total(currency, *values) for currency, values in sorted(totals.items())),
        tuple(Share(rules[i], currency, *values) for (i, currency), values in sorted(shares.items())),
        tuple(differences),
    )


def switched(ours: Basis, theirs: Basis) -> tuple[tuple[Rule, ...], list[Basis]]:
    """The rules in which two bases differ, and the bases from the one to the other with one more rule switched each.

    The order is that of the fields of a policy, then of the basis; choices that can't change MRR are passed over. Raises Incomparable.
    """
    if ours.merge_key != theirs.merge_key:
        raise Incomparable(f"customers are merged by {ours.merge_key!r} on one side and by {theirs.merge_key!r} on the other")
    rules: list[Rule] = []
    ladder = [ours]
    for field in fields(Policy):
        mine, other = getattr(ours.policy, field.name), getattr(theirs.policy, field.name)
        if field.name in SAME_MRR or mine == other:
            continue
        rules.append(Rule(field.name, in_words(mine), in_words(other)))
        ladder.append(replace(ladder[-1], policy=replace(ladder[-1].policy, **{field.name: other})))
    for name in AROUND:
        mine, other = getattr(ours, name), getattr(theirs, name)
        if mine != other:
            rules.append(Rule(name, in_words(mine), in_words(other)))
            ladder.append(replace(ladder[-1], **{name: other}))
    return tuple(rules), ladder


def standing(ledger: CustomerLedger, day: date) -> dict[str, int]:
    """A customer's net MRR in micros at the closing of `day`, by currency; currencies without any are left out."""
    held: dict[str, int] = {}
    for s in ledger.standings:  # in order of day
        if s.day <= day:
            held[s.currency] = s.net_micros
    return {currency: micros for currency, micros in held.items() if micros}


def in_words(value: object) -> str:
    """An answer to a choice, as settings spell it."""
    match value:
        case None:
            return "never"
        case bool():
            return "true" if value else "false"
    return str(value)
