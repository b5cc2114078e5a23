"""The rate that a file was made with: what most customers agree on, close to ours; a single customer tells it when it stays the same."""

from datetime import date
from fractions import Fraction

from metrics.reconcile.their_rates import their_rate, their_rates

CENT = 10_000
OURS = Fraction("1.10")


def _pair(held: int, rate: str, more: int = 0) -> tuple[int, int, int]:
    """What somebody holds in whole units, and what it is at a rate."""
    return held * 1_000_000, int(held * 1_000_000 * Fraction(rate)) + more * CENT, CENT


def test_what_most_agree_on_is_the_rate() -> None:
    """Two of three; one that is off by it alone changes nothing, and where nobody agrees there is none."""
    assert Fraction("1.12") == their_rate([_pair(40, "1.12"), _pair(200, "1.12"), _pair(80, "1.12", 500)], OURS)
    assert their_rate([_pair(40, "1.12"), _pair(80, "1.13"), _pair(90, "1.15")], OURS) is None


def test_half_of_it_is_no_rate() -> None:
    """Two customers with half off agree on half the rate: that is a discount."""
    assert their_rate([_pair(40, "0.55"), _pair(80, "0.55")], OURS) is None


def test_a_single_customer_tells_it_only_nearby_or_on_many_days() -> None:
    """4 % off is a rate; 9 % off on one day is a difference, and on three days the same rate."""
    days = [date(2026, month, 28) for month in (1, 2, 3)]
    assert Fraction("1.144") == their_rate([_pair(1000, "1.144")], OURS)
    assert their_rate([_pair(1000, "1.199")], OURS) is None
    one = {("eur", days[0]): [_pair(1000, "1.199")]}
    three = {("eur", day): [_pair(1000 + n, "1.199")] for n, day in enumerate(days)}
    ours = {("eur", day): OURS for day in days}
    assert ({}, {Fraction("1.199")}) == (their_rates(one, ours), set(their_rates(three, ours).values()))


def test_amounts_that_wander_are_no_rate() -> None:
    """Another one every day, far from ours: nobody's rate."""
    days = [date(2026, month, 28) for month in (1, 2, 3)]
    wandering = {("eur", day): [_pair(1000, rate)] for day, rate in zip(days, ("1.30", "1.45", "0.90"), strict=True)}
    assert {} == their_rates(wandering, {("eur", day): OURS for day in days})
