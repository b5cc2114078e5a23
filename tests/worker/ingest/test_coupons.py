"""Which coupons are asked for once more, through which of their bearers, and how often."""

from dataclasses import replace
from decimal import Decimal

from integrations.stripe.page import StripePage
from metrics.evidence import (
    Coupon,
    Customer,
    CustomerState,
    Discount,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Source,
    Subscription,
    SubscriptionState,
)
from metrics.pricing.catalog import Catalog
from metrics.pricing.object_versions import version_of
from worker.ingest.coupons import MOST_BEARERS, AskedCoupons, Bearer, bearers, wanting

AT = Instant(1_000_000)
HALF = Coupon("HALF", percent_off=Decimal(50), created=Instant(5), scope_told=False)
INLINED = Discount("di_1", "HALF", AT, None, version_of(HALF))
NAMED = Discount("di_2", "GONE", AT)


def page(held: Subscription | None = None, customer: Customer | None = None, bill: InvoiceEvidence | None = None) -> StripePage:
    """A page with these objects."""
    return StripePage(
        "any",
        AT,
        1,
        has_more=False,
        subscriptions=(SubscriptionState(AT, Source.SNAPSHOT, "", held),) if held else (),
        customers=(CustomerState(AT, Source.SNAPSHOT, "", customer),) if customer else (),
        invoices=(bill,) if bill else (),
    )


def known(coupon: Coupon) -> Catalog:
    """A catalog with one coupon."""
    return Catalog(coupons={coupon.id: coupon}, coupon_versions={(coupon.id, version_of(coupon)): coupon})


def test_everything_that_carries_a_discount_is_a_bearer() -> None:
    """A subscription, its items, a customer, the lines of an invoice; a discount that is only an id names no coupon to ask for."""
    nameless = Discount("di_3", None, Instant(0))
    held = Subscription("sub_1", "cus_1", "active", "usd", AT, AT, (Item("si", "p", 1, (NAMED,)),), discounts=(INLINED, nameless))
    line = InvoiceLine("il", "in_1", "sub_1", "si", "p", 1, 5, "usd", AT, AT, discounts=((INLINED, 1), (NAMED, 1)))
    bill = InvoiceEvidence(Invoice("in_1", "cus_1", "sub_1", "paid", AT, "usd"), (line,))
    found = list(bearers(page(held, Customer("cus_1", discount=INLINED), bill)))
    assert [
        Bearer("subscription", "sub_1", INLINED),
        Bearer("items", "sub_1", NAMED),
        Bearer("customer", "cus_1", INLINED),
        Bearer("invoice", "in_1", INLINED),
        Bearer("lines", "in_1", NAMED),
    ] == found


def test_a_coupon_is_asked_for_while_its_products_are_unknown() -> None:
    """Through what it lies on as a whole; an item's own is for that item; one whose products are told isn't asked for."""
    found = [Bearer("subscription", "sub_1", INLINED), Bearer("items", "sub_2", INLINED), Bearer("customer", "cus_1", INLINED)]
    assert [found[0], found[2]] == wanting(found, known(HALF))
    told = Coupon("HALF", percent_off=Decimal(50), created=Instant(5), products=("prod",))
    assert [] == wanting(found, known(told))
    assert [] == wanting(found, known(replace(HALF, scope_asked=True))), "who was asked and said nothing isn't asked again"


def test_a_coupon_that_nobody_knows_is_asked_for_wherever_it_lies() -> None:
    """Also one whose id means another coupon today, made after the discount had begun."""
    found = [Bearer("items", "sub_1", NAMED), Bearer("lines", "in_1", NAMED)]
    assert found == wanting(found, Catalog())
    remade = Coupon("GONE", percent_off=Decimal(10), created=Instant(AT + 10 * 86_400))
    assert found == wanting(found, known(remade))
    assert [] == wanting(found, known(Coupon("GONE", percent_off=Decimal(10), created=Instant(5))))


def test_one_coupon_is_asked_for_through_a_few_bearers_only() -> None:
    """However many carry it, and each of them once."""
    asked = AskedCoupons()
    many = [Bearer("subscription", f"sub_{n}", INLINED) for n in range(10)]
    assert many[:MOST_BEARERS] == list(asked.news(many))
    assert [] == list(asked.news(many))
    assert [True, False] == [asked.first(many[0]), asked.first(many[1])]
