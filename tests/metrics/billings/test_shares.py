"""What part of what is invoiced lies outside subscriptions, and when it is said."""

from fractions import Fraction

import pytest

from metrics.billings.shares import Share, added, sees, share_of, worth_saying


def test_the_share_is_after_discounts_and_before_tax() -> None:
    """300 of 1,200; tax, shipping and credit notes are in neither."""
    amounts = {"subscription": 1000, "outside": 320, "discount": -120, "tax": 999, "shipping": 50, "credit_note": -700}
    found = share_of(amounts, outside_discount=20)
    assert (Share(300, 1200), Fraction(1, 4), Fraction(3, 4)) == (found, found.ratio, sees(found))


def test_nothing_invoiced_has_no_share() -> None:
    """Neither 0 nor 100 %: nothing was invoiced, or more was given back than billed."""
    assert (None, None, None) == (Share(0, 0).ratio, Share(5, -5).ratio, sees(Share(0, 0)))
    assert Fraction(1, 2) == added([Share(1, 1), Share(0, 1)]).ratio


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (Share(10, 100), None, False),
        (Share(11, 100), None, True),
        (Share(7, 100), Share(2, 100), True),
        (Share(6, 100), Share(2, 100), False),
        (Share(7, 100), Share(0, 0), False),
        (Share(0, 0), Share(1, 100), False),
    ],
)
def test_when_it_is_said(now: Share, before: Share | None, said: bool) -> None:
    """Above a tenth, or five points more than the month before; the limit itself is not above it."""
    assert said is worth_saying(now, before)
