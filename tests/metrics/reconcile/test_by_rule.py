"""What the rules behind a comparison's differences come to."""

from datetime import date

from metrics.reconcile.by_rule import by_rule
from metrics.reconcile.rules import RATE, ROUNDING, UNEXPLAINED, Cell, Named, Share


def _named(customer: str, currency: str, *shares: Share) -> Named:
    delta = sum(micros for _, micros in shares)
    return Named(Cell(customer, date(2026, 1, 31), currency, 100, 100 + delta, 0), shares)


def test_each_rule_is_added_up_in_each_currency() -> None:
    """With the sign of the difference and without it; by size, but what is unexplained last."""
    rows = by_rule(
        [
            _named("a", "usd", (RATE, 5), (ROUNDING, -1)),
            _named("a", "usd", (RATE, -7)),
            _named("b", "usd", (UNEXPLAINED, 90)),
            _named("b", "eur", (RATE, 2)),
        ]
    )
    assert [
        ("eur", "rate", 2, 2, 1, {"b"}),
        ("usd", "rate", -2, 12, 2, {"a"}),
        ("usd", "rounding", -1, 1, 1, {"a"}),
        ("usd", "unexplained", 90, 90, 1, {"b"}),
    ] == [(r.currency, r.rule.name, r.micros, r.absolute_micros, r.differences, r.customers) for r in rows]
