"""The quantity behind an item that was billed as several lines: the tiers decide which lines are units and which are flat amounts."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from metrics.evidence import Item, Price, Tier, Transform
from metrics.pricing.amounts import Unpriceable, period_parts, quantity_behind, quantity_of


def graduated(*tiers: tuple[int | None, str, str | None]) -> Price:
    """A monthly price in dollars of tiers (up to, unit, flat)."""
    steps = tuple(Tier(up_to, Decimal(unit), None if flat is None else Decimal(flat)) for up_to, unit, flat in tiers)
    return Price("price", "prod", "usd", scheme="tiered", tiers_mode="graduated", tiers=steps)


def test_a_flat_amount_of_half_a_cent_is_known_as_billed() -> None:
    """20.5 cents are billed as 20: five units at 10 and three at 8 beside it are eight, not nine."""
    price = graduated((5, "10", "20.5"), (None, "8", None))
    assert 8 == quantity_behind([(5, 50), (3, 24), (1, 20)], price, "usd")


def test_a_line_of_units_may_come_to_what_a_flat_amount_does() -> None:
    """Two more units at 10 come to 20 like the first tier's flat amount: the price fits seven units only."""
    price = graduated((5, "10", "20"), (None, "10", None))
    assert 7 == quantity_behind([(1, 20), (5, 50), (2, 20)], price, "usd")


def test_a_quantity_that_the_tiers_don_t_reach_is_none() -> None:
    """Sixteen are beyond the last tier; eight with a flat amount a cent off fit."""
    price = graduated((10, "10", "20"))
    assert 8 == quantity_behind([(8, 80), (8, 21)], price, "usd")


def test_a_cent_off_is_no_flat_amount() -> None:
    """Where no quantity fits what was billed, only what is a flat amount to the rounding is left out of the units: 21 is not 20."""
    price = graduated((5, "10", "20"), (None, "8", None))
    assert 8 == quantity_behind([(5, 33), (3, 21)], price, "usd")
    assert 5 == quantity_behind([(5, 33), (3, 20)], price, "usd")


def test_a_fraction_of_a_unit() -> None:
    """Two and a half at 10.00, in packages, and through tiers."""
    half = Fraction(5, 2)
    plain = Price("p", "p", "usd", unit=Decimal(1000))
    packed = replace(plain, transform=Transform(2, "up"))
    tiers = (Tier(2, Decimal(1000), None), Tier(None, Decimal(400), None))
    tiered = replace(plain, unit=None, scheme="tiered", tiers_mode="graduated", tiers=tiers)
    worth = [
        sum(part.amount for part in period_parts(price, "usd", half))
        for price in (plain, packed, replace(packed, transform=Transform(2, "down")), tiered, replace(tiered, tiers_mode="volume"))
    ]
    assert [2500, 2000, 1000, 2200, 1000] == worth
    assert (half, 2) == (quantity_of(Item("si", "p", 2, quantity_decimal=Decimal("2.5"))), quantity_of(Item("si", "p", 2)))


def test_two_tiers_that_end_at_one_bound_are_unknown() -> None:
    """Which of them holds a quantity can't be told."""
    tiers = (Tier(None, Decimal(1000), None), Tier(None, Decimal(400), None))
    with pytest.raises(Unpriceable, match="tiers_unknown"):
        period_parts(Price("p", "p", "usd", scheme="tiered", tiers_mode="graduated", tiers=tiers), "usd", 3)
