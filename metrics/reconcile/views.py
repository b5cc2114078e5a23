"""Everything that one customer of a comparison could be shown with: under the policy, under other answers, in parts, with what is left out.

A *customer* here is whoever the file lists: usually one customer of the ledger, several where an address belongs to several, or the whole
book for a file that names nobody.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from metrics.entries import CustomerLedger
from metrics.finding_words import CANNOT_DERIVE
from metrics.reconcile.choices import Switch
from metrics.reconcile.held import Held, excluded, parts

MOST_PARTS = 60
"""Of a customer with more subscriptions none is tried to be left out: something would always fit."""


@dataclass
class Views:
    """What one customer holds, reckoned in every way that is tried."""

    base: Held = field(default_factory=Held)
    switched: dict[tuple[Switch, ...], Held] = field(default_factory=dict)
    """Under other answers: single ones, and pairs where they were tried. Only those that change anything."""
    parts: list[tuple[str, str, Held]] = field(default_factory=list)
    excluded: dict[str, Held] = field(default_factory=lambda: defaultdict(Held))
    unpriced: list[tuple[str, date, date | None]] = field(default_factory=list)
    """What is left out and worth nobody knows what: reason and days."""
    members: int = 0

    def add(self, ledger: CustomerLedger, timezone: str) -> None:
        """Take in the ledger of one more customer of ours under the policy."""
        self.members += 1
        self.base.add_standings(ledger)
        if len(self.parts) <= MOST_PARTS:
            self.parts += parts(ledger, timezone)
        for reason, currency, first, until, micros in excluded(ledger, timezone):
            if micros is None:
                self.unpriced.append((reason, first, until))
                continue
            self.excluded[reason].add(currency, first, micros)
            if until is not None:
                self.excluded[reason].add(currency, until, -micros)
        if any(f.reason == CANNOT_DERIVE for f in ledger.findings):
            self.unpriced.append((CANNOT_DERIVE, date.min, None))

    def add_switched(self, switches: tuple[Switch, ...], ledger: CustomerLedger, otherwise: CustomerLedger) -> None:
        """Take in that a customer of ours, whose ledger under the policy is `ledger`, has another one under other answers.

        All customers must be in before it is looked at: who isn't named here holds the same.
        """
        held = self.switched.setdefault(switches, Held(self.base))
        held.add_standings(ledger, sign=-1)
        held.add_standings(otherwise)

    def left_out_unpriced(self, day: date) -> str | None:
        """Why something is left out at the closing of `day` that has no price, if anything is."""
        return next((reason for reason, first, until in self.unpriced if first <= day and (until is None or until > day)), None)


@dataclass(frozen=True, slots=True)
class Money:
    """How amounts become the currency of a cell. `rates` and `their_rates` are what one major unit of (currency, on a day) is worth in it."""

    currency: str
    expressed: bool
    """Whether a cell is the sum of all currencies in one; else each currency stands for itself."""
    rates: Mapping[tuple[str, date], Fraction] = field(default_factory=dict)
    their_rates: Mapping[tuple[str, date], Fraction] = field(default_factory=dict)

    def worth(self, held: Held, day: date, *, rate_day: date, theirs: bool = False) -> int:
        """What is held at the closing of `day`, at the rates of `rate_day`: ours, or those that the file itself was made with.

        What has no rate is worth nothing here.
        """
        if not self.expressed:
            return held.at(self.currency, day)
        total = 0
        for currency in held.currencies:
            micros = held.at(currency, day)
            if micros:
                total += round(micros * self.rate(currency, rate_day, theirs=theirs))
        return total

    def rate(self, currency: str, day: date, *, theirs: bool) -> Fraction:
        """The rate that is used: 1 for the cell's own currency, 0 where there is none."""
        if currency == self.currency:
            return Fraction(1)
        ours = self.rates.get((currency, day), Fraction(0))
        return self.their_rates.get((currency, day), ours) if theirs else ours
