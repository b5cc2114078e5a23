"""What has one id told apart, and each sighting filled in by others of the same object only."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from metrics.evidence import Coupon, Instant, Price, Tier, Transform
from metrics.pricing.object_versions import Sighting, same, told_apart, version_of

FIRST, SECOND = Instant(1_000), Instant(1_000_000)
OLD = Coupon("SPRING", percent_off=Decimal(20), created=FIRST, scope_told=False)
NEW = Coupon("SPRING", percent_off=Decimal(50), created=SECOND, products=("prod_a",))
PLAN = Price("gold", "prod_gold", "usd", unit=Decimal(2000), created=FIRST)
TIERED = Price("gold", "prod_gold", "usd", scheme="tiered", tiers_mode="graduated", created=FIRST)


def test_objects_of_one_id_are_told_apart() -> None:
    """The listed one is the newest; what an item carries keeps its own terms, in whatever order the sightings come."""
    sightings = [Sighting(OLD), Sighting(NEW, Instant(2_000_000)), Sighting(replace(NEW, products=None, scope_told=False))]
    for order in permutations(sightings):
        named = told_apart(order)
        assert (NEW, (NEW, OLD)) == (named.newest, named.objects)
        assert {version_of(OLD): OLD, version_of(NEW): NEW} == named.by_version


@pytest.mark.parametrize(
    "changes",
    [
        {"created": SECOND},
        {"unit": Decimal(3000)},
        {"interval": "year"},
        {"interval_count": 3},
        {"usage": "metered"},
        {"currency": "eur"},
    ],
)
def test_what_cannot_be_changed_of_a_price_makes_another_one(changes: dict[str, Any]) -> None:
    """Each by itself."""
    other = replace(PLAN, **changes)
    assert not same(PLAN, other)
    assert version_of(PLAN) != version_of(other)


@pytest.mark.parametrize(
    "changes", [{"nickname": "Gold"}, {"tax_behavior": "inclusive"}, {"product": ""}, {"tiers": (Tier(None, Decimal(1), None),)}]
)
def test_what_answers_leave_out_makes_no_other_one(changes: dict[str, Any]) -> None:
    """The same object in another answer has the same version."""
    assert same(TIERED, replace(TIERED, **changes))
    assert version_of(TIERED) == version_of(replace(TIERED, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"percent_off": Decimal(30)},
        {"duration": "once"},
        {"months": 3},
        {"percent_off": None, "amount_off": 5},
        {"created": SECOND},
    ],
)
def test_what_cannot_be_changed_of_a_coupon_makes_another_one(changes: dict[str, Any]) -> None:
    """Each by itself."""
    assert version_of(OLD) != version_of(replace(OLD, **changes))


def test_a_sighting_is_filled_in_by_the_same_object_only() -> None:
    """A listing tells the tiers of the price that an item carries, and never those of another price of that id."""
    tiers = (Tier(None, Decimal(5), None),)
    listed = Sighting(replace(TIERED, tiers=tiers), Instant(5))
    assert tiers == told_apart([Sighting(TIERED), listed]).by_version[version_of(TIERED)].tiers
    remade = Sighting(replace(TIERED, tiers=tiers, created=SECOND), Instant(5))
    assert None is told_apart([Sighting(TIERED), remade]).by_version[version_of(TIERED)].tiers


def test_packages_that_an_answer_leaves_out() -> None:
    """Null says "not in packages", and that it isn't said: of one second's making it is the latter, since a price can't be changed."""
    packed = replace(PLAN, transform=Transform(10, "up"))
    for order in permutations([Sighting(packed, Instant(2_000_000)), Sighting(PLAN)]):
        named = told_apart(order)
        assert (packed,) == named.objects
        assert {version_of(packed): packed, version_of(PLAN): packed} == named.by_version
    assert not same(packed, replace(PLAN, created=SECOND))
    assert not same(replace(packed, created=None), replace(PLAN, created=None))
    assert not same(packed, replace(packed, transform=Transform(5, "up")))


def test_a_listing_lacks_what_an_inlined_sighting_has() -> None:
    """What a list answers with null is no other object, and is filled in."""
    silent = Sighting(replace(OLD, percent_off=None, scope_told=True), Instant(5))
    assert Decimal(20) == told_apart([silent, Sighting(OLD)]).newest.percent_off


def test_a_scope_once_told_is_known() -> None:
    """One answer that tells which products a coupon is for is enough; that it is for all of them too."""
    for told in (replace(OLD, products=("prod_a",), scope_told=True), replace(OLD, scope_told=True)):
        named = told_apart([Sighting(OLD), Sighting(told)])
        assert ((told,), told.products) == (named.objects, named.by_version[version_of(OLD)].products)


def test_nothing_said_is_no_version() -> None:
    """A coupon of which an answer says only its id names no object; and what nobody saw has none."""
    assert "" == version_of(Coupon("SPRING", duration=""))
    with pytest.raises(ValueError, match="nobody saw"):
        told_apart([])
