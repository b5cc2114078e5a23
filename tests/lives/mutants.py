"""Many accounts that each lack something, read side by side, against the same accounts whole.

Each mutant is a base account built anew with ids of its own and one or more parts left out. All of them are one Stripe account to the
installation, which reads it twice, so that hundreds cost as much as one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from metrics.entries import CustomerLedger
from metrics.evidence import Finding
from tests.lives.account import Account
from tests.lives.bases import BASES, FIRST, SECOND
from tests.lives.dropping import Place, leave_out
from tests.lives.installation import Installation
from tests.lives.maker import Maker

_NONE = "null is Stripe's one word for none: nothing tells it from a part that is left out"
EXEMPT: Final[dict[str, str]] = {
    "subscription.pause_collection": _NONE,
    "customer.discount": _NONE,
}
"""Fields that may be left out without a word although it changes movements, with the reason."""


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """A base account, in whose older or newer shape its events are drawn, and what is left out of it."""

    base: str
    old_events: bool
    places: tuple[Place, ...]

    def __str__(self) -> str:
        return f"{self.base}{' (old events)' if self.old_events else ''} without {' and '.join(map(str, self.places))}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A mutant whose movements changed, or what its billings add up to, while nothing names what it lacks."""

    mutant: Mutant
    expected: tuple[object, ...]
    got: tuple[object, ...]
    said: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that were left out."""
        return tuple(place.field for place in self.mutant.places)

    def __str__(self) -> str:
        return f"{self.mutant}\n  whole:  {self.expected}\n  lacking: {self.got}\n  said: {self.said}"


def whole(base: str, name: str, *, old_events: bool) -> Account:
    """A base account under a name of its own."""
    account = Account(old_events=old_events, tag=f"{name}_")
    BASES[base](Maker(account, name))
    return account


def differences(mutants: Sequence[Mutant], file: Path, template: Path, *, though_named: bool = False) -> list[Difference]:
    """The mutants that changed in silence: their movements, or the sums of their billings beside Stripe's totals. `though_named`: those as
    well that changed while something names what they lack. Raises whatever reading or deriving any of them raises."""
    together = Account()
    for base, old_events in sorted({(m.base, m.old_events) for m in mutants}):
        together.absorb(whole(base, _name(base, old_events), old_events=old_events))
    totals = together.totals(SECOND)
    lacking: list[set[str]] = []
    for number, mutant in enumerate(mutants):
        account = whole(mutant.base, _name(mutant.base, mutant.old_events, number), old_events=mutant.old_events)
        lacking.append(set().union(*(leave_out(account, place) for place in mutant.places)))
        together.absorb(account)
    with Installation(together, file, template) as installation:
        ledgers = installation.sync(FIRST).sync(SECOND).ledgers(SECOND)
        kept_out = installation.kept_out()
        billed = installation.billed()
    out = []
    for number, mutant in enumerate(mutants):
        name, named_whole = _name(mutant.base, mutant.old_events, number), _name(mutant.base, mutant.old_events)
        before, after = ledgers[f"cus_{named_whole}"], ledgers.get(f"cus_{name}")
        expected = (*shape(before), *_of(totals, named_whole))
        got = (*(shape(after) if after is not None else ()), *_of(billed, name))
        if expected == got:
            continue
        known = {_renamed(f, named_whole) for f in before.findings}
        fresh = [f for f in after.findings if _renamed(f, name) not in known] if after is not None else []
        named = any(_names(f"{f.object_id} {f.detail}", lacking[number]) for f in fresh)
        if though_named or not (named or any(object_id in lacking[number] for _, object_id in kept_out)):
            said = tuple((f.reason, f.object_id) for f in fresh)
            out.append(Difference(mutant, expected, got, said))
    return out


def shape(ledger: CustomerLedger) -> tuple[tuple[object, ...], ...]:
    """What a reader of the figures sees of the movements: when, what kind, why, and from where to where."""
    return tuple(
        (m.day.isoformat(), m.currency, m.kind, m.cause, m.before_micros, m.after_micros, m.list_before_micros, m.list_after_micros)
        for m in ledger.movements
    )


def _of(amounts: Mapping[str, int], name: str) -> list[tuple[str, int]]:
    """The amounts of the invoices and credit notes of one account among many, that come to something."""
    return sorted((each.replace(name, ""), amount) for each, amount in amounts.items() if f"_{name}_" in each and amount)


def _name(base: str, old_events: bool, number: int | None = None) -> str:
    """A part of ids that is the beginning of no other."""
    return f"{base.replace('_', '')}{'o' if old_events else 'n'}{'' if number is None else number}x"


def _renamed(finding: Finding, name: str) -> tuple[str, str, str]:
    return finding.reason, finding.object_id.replace(name, ""), finding.detail.replace(name, "")


def _names(text: str, ids: Iterable[str]) -> bool:
    return any(each in text for each in ids)
