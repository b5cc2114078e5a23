"""What each rule comes to over all differences of a comparison, currency by currency."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from metrics.reconcile.rules import Named, Rule


@dataclass
class OfRule:
    """What one rule comes to in one currency: the sum of its shares, that of their sizes, how many they are and of whom."""

    rule: Rule
    currency: str
    micros: int = 0
    absolute_micros: int = 0
    differences: int = 0
    customers: set[str] = field(default_factory=set)


def by_rule(named: Iterable[Named]) -> list[OfRule]:
    """One row for each rule and currency, the largest first; what is unexplained stands last."""
    rows: dict[tuple[str, Rule], OfRule] = {}
    for n in named:
        for rule, micros in n.shares:
            row = rows.setdefault((n.cell.currency, rule), OfRule(rule, n.cell.currency))
            row.micros += micros
            row.absolute_micros += abs(micros)
            row.differences += 1
            row.customers.add(n.cell.customer)
    return sorted(rows.values(), key=lambda r: (r.currency, r.rule.kind == "unexplained", -r.absolute_micros, r.rule.words))
