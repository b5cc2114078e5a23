"""Which object of an id is carried, what is said of it, and what only another answer tells."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from integrations.stripe.decode.errors import Unusable
from integrations.stripe.page import StripePage
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from metrics.evidence import Discount, Subscription
from metrics.pricing.object_versions import version_of
from tests.integrations.stripe.decode.decoding import Nothing, listed
from tests.integrations.stripe.shaped import COUPON, PLAN, PRICE, discount, invoice, line, subscription


def held(page: StripePage) -> Subscription:
    """The one subscription of a page."""
    assert () == page.rejected
    return page.subscriptions[0].subscription


def carrying(coupon: Any, **changes: Any) -> dict[str, Any]:
    """A subscription whose discount holds this coupon."""
    shape = subscription("clover", **changes)
    shape["discounts"] = [discount("clover") | {"source": {"type": "coupon", "coupon": coupon}}]
    return shape


def test_an_inlined_object_is_carried_with_its_version() -> None:
    """Two coupons of one id on one page are two; an id alone carries none."""
    page = listed(
        "subscription",
        carrying(COUPON | {"created": 5}),
        carrying(COUPON | {"created": 9, "amount_off": 500}, id="sub_2"),
        carrying("TENOFF", id="sub_3"),
    )
    versions = [state.subscription.discounts[0].coupon_version for state in page.subscriptions]
    assert [*(version_of(c) for c in page.inline_coupons), ""] == versions
    assert [1000, 500] == [c.amount_off for c in page.inline_coupons]
    assert version_of(page.inline_prices[0]) == page.subscriptions[0].subscription.items[0].price_version


def test_a_plan_carries_the_version_of_the_price_that_stands_for_it() -> None:
    """Whichever of the two an item has, it is one object."""
    items = []
    for priced in ({"price": PRICE | {"created": 7}}, {"price": None, "plan": PLAN | {"created": 7}}):
        shape = subscription("old")
        shape["items"]["data"][0] |= priced
        items.append(held(listed("subscription", shape)).items[0])
    assert items[0].price_version == items[1].price_version != ""


@pytest.mark.parametrize(
    ("applies_to", "scoped", "expected"),
    [
        (None, False, (None, False, False)),
        (None, True, (None, False, True)),
        ({"products": ["prod_a"]}, False, (("prod_a",), True, False)),
        ({"products": ["prod_a"]}, True, (("prod_a",), True, False)),
        ({"products": None}, False, (None, False, False)),
    ],
)
def test_silence_means_everything_only_where_it_was_asked(applies_to: Any, scoped: bool, expected: object) -> None:
    """A list isn't expanded so deep; what was asked and says nothing has a coupon for everything, a listed coupon for certain."""
    page = listed("subscription", carrying(COUPON | ({} if applies_to is None else {"applies_to": applies_to})), scoped=scoped)
    (coupon,) = page.inline_coupons
    assert expected == (coupon.products, coupon.scope_told, coupon.scope_asked)
    assert listed("coupon", COUPON, scoped=scoped).coupons[0].scope_told == scoped


def test_a_duration_that_is_missing_is_not_for_ever() -> None:
    """It stays empty, and what a coupon says else is kept."""
    (coupon,) = listed("coupon", {"id": "C", "percent_off": 5}).coupons
    assert ("", Decimal(5)) == (coupon.duration, coupon.percent_off)


class Parts(Nothing):
    """A host whose lists of items and lines tell the coupons of their discounts; or none at all."""

    def __init__(self, told: Sequence[Any]) -> None:
        self.told = told

    def items(self, subscription: str, after: str | None) -> Sequence[subscription_schemas.Item]:
        """All of them, from the beginning."""
        assert None is after
        return self._given()

    def lines(self, invoice: str, after: str | None) -> Sequence[invoice_schemas.Line]:
        """All of them, from the beginning."""
        assert None is after
        return self._given()

    def note_lines(self, note: str, after: str | None) -> Sequence[invoice_schemas.CreditNoteLine]:
        """Never asked for here."""
        raise AssertionError(f"lines of {note} after {after}")

    def _given(self) -> Sequence[Any]:
        if not self.told:
            raise Unusable("incomplete", "gone")
        return self.told


GONE = catalog_schemas.Coupon("GONE", 5, percent_off=Decimal(50), duration="forever")
LAID = catalog_schemas.Discount("di_9", source=catalog_schemas.DiscountSource(GONE), start=1000)


def test_items_told_again_bring_the_coupons_of_their_discounts() -> None:
    """What was inlined stays where the list of items says nothing."""
    item = subscription_schemas.Item("si_1", price="price_pro", quantity=3, discounts=[LAID])
    page = listed("subscription", subscription("clover"), rest=Parts([item]), parts_again=True)
    (coupon,) = [c for c in page.inline_coupons if c.id == "GONE"]
    assert (Discount("di_9", "GONE", 1000, None, version_of(coupon)),) == held(page).items[0].discounts  # type: ignore[arg-type]
    assert 1 == len(held(listed("subscription", subscription("clover"), rest=Parts([]), parts_again=True)).items)


def test_lines_told_again_bring_the_coupons_of_their_discounts() -> None:
    """And those of an invoice whose list says nothing stay."""
    shape = invoice("clover", line("clover", line_id="il_1", amount=5000))
    told = listed("invoice", shape, rest=Parts([]), parts_again=True).invoices[0]
    assert ["il_1"] == [each.id for each in told.lines]
