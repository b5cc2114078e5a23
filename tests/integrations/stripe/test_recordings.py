"""Real input: everything recorded from Stripe, old shapes and new, is read without loss of what MRR needs.

The expected values were read off the recordings by hand. A second, generic reading guards the rest: every subscription item and line
that a recording holds comes out with its own id, price, quantity and amounts.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from integrations.stripe.page import StripePage
from metrics.evidence import Coupon, Customer, Discount, Instant, InvoiceEvidence, InvoiceLine, Price, Product, Source
from tests.integrations.stripe.decode.decoding import bare, listed
from tests.integrations.stripe.reference import inside, recorded, recordings, samples

I = Instant  # noqa: E741  # instants are many here


def invoice_of(file: str, index: int = 0) -> InvoiceEvidence:
    """The evidence of one recorded invoice."""
    page = listed("invoice", recorded(file, index))
    assert () == page.rejected
    return page.invoices[0]


# --- read off by hand ----------------------------------------------------------------------------------------------------------


def test_the_swap_from_month_to_year() -> None:
    """Clover, flexible: the credit names the monthly price and the line that it takes back, the debit the full year as a proration."""
    swapped = invoice_of("pay-rails/test_stripe_can_swap_a_subscription", 1)
    assert ("in_79c2619336c4583e", "subscription_update", "paid", "sub_96d4696f5b4cebdc", 22500) == (
        swapped.head.id,
        swapped.head.billing_reason,
        swapped.head.status,
        swapped.head.subscription,
        swapped.head.amount_paid,
    )
    credit = InvoiceLine(
        "il_60069b04447efef9",
        "in_79c2619336c4583e",
        "sub_96d4696f5b4cebdc",
        "si_24db0d86b12e843c",
        "small-monthly",
        1,
        -2500,
        "usd",
        I(1762799355),
        I(1765391351),
        True,
        (),
        0,
        ("il_0c59ebad5052c7ff",),
        invoice_item="ii_ac5c20311d9c2b4e",
        decimal_told=False,
    )
    debit = InvoiceLine(
        "il_b5ca3d21cc227c29",
        "in_79c2619336c4583e",
        "sub_96d4696f5b4cebdc",
        "si_24db0d86b12e843c",
        "small-annual",
        1,
        25000,
        "usd",
        I(1762799355),
        I(1794335351),
        True,
        invoice_item="ii_c32d52bfa3345aff",
        decimal_told=False,
    )
    assert (credit, debit) == swapped.lines


def test_the_subscription_after_the_swap() -> None:
    """Its item stands at the annual price with a period of its own, and the price is known from the item."""
    page = listed("subscription", recorded("pay-rails/test_stripe_can_swap_a_subscription", 0))
    found = page.subscriptions[0].subscription
    (item,) = found.items
    assert ("si_24db0d86b12e843c", "small-annual", 1, I(1762799351), I(1794335351)) == (
        item.id,
        item.price,
        item.quantity,
        item.period_start,
        item.period_end,
    )
    assert ("cus_2ed936a0a42424c4", "active", I(1762799351), "usd") == (found.customer, found.status, found.start, found.currency)
    annual = Price("small-annual", "prod_d0516e64a58f341a", "usd", interval="year", unit=Decimal(25000), nickname="Small Annual")
    assert (annual,) == bare(page.inline_prices)


def test_a_coupon_of_2020() -> None:
    """The single discount with its coupon inside: ten dollars off for ever, on a subscription without a currency of its own."""
    page = listed("subscription", recorded("pay-rails/test_handles_coupons"))
    found = page.subscriptions[0].subscription
    assert (Discount("di_5a82a9168b6b187d", "10BUCKS", I(1617990273)),) == bare(found.discounts)
    assert ("usd", I(1617990273), I(1620582273)) == (found.currency, found.items[0].period_start, found.items[0].period_end)
    assert (Coupon("10BUCKS", None, 1000, "usd", (), "forever"),) == bare(page.inline_coupons)


def test_a_coupon_behind_a_discounts_source() -> None:
    """Clover: half off, expanded under the discount's source; the line is a one-off charge and no evidence."""
    page = listed("invoice", recorded("pay-rails/test_sync_stripe_invoice_discounts_and_coupons", 3))
    assert (Coupon("sirmAxRi", Decimal(50), None, None, (), "forever"),) == bare(page.inline_coupons)
    assert ((), 1) == (page.invoices[0].lines, page.other_lines)


@pytest.mark.parametrize(
    ("file", "index", "expected"),
    [
        (
            "pay-rails/test_can_swap_a_subscription",
            0,
            ("sub_fe235124f66367eb", "cus_42d0ba4fe5b1b640", [("si_18ec7496741e0059", "small-monthly", 1)]),
        ),
        (
            "pay-rails/test_can_swap_a_subscription",
            1,
            ("sub_fe235124f66367eb", "cus_42d0ba4fe5b1b640", [("si_18ec7496741e0059", "small-annual", 1)]),
        ),
        (
            "pay-rails/test_allows_subscription_quantities",
            0,
            ("sub_41ec81b8a76c9cdd", "cus_9503a235f41ca76c", [("si_33005baefee2c6ec", "small-monthly", 10)]),
        ),
        (
            "pay-rails/test_stripe_can_retrieve_subscription",
            1,
            ("sub_d97ff1bbbae6e8bd", "cus_0e70c799220cfd2b", [("si_daefbe8d28f9252f", "small-monthly", 1)]),
        ),
        (
            "dj-stripe/subscription_sub_fakefakefakefakefake0004",
            0,
            (
                "sub_fakefakefakefakefake0004",
                "cus_0c970c2e0489fd83",
                [("si_6917f0990861b147", "gold21323", 1), ("si_ec4a507b354f87ff", "silver41294", 1)],
            ),
        ),
    ],
)
def test_recorded_subscriptions(file: str, index: int, expected: tuple[str, str, list[tuple[str, str, int]]]) -> None:
    """Who, what and how many, from 2020 to 2023."""
    found = listed("subscription", recorded(file, index)).subscriptions[0].subscription
    assert expected == (found.id, found.customer, [(i.id, i.price, i.quantity) for i in found.items])


def test_an_inclusive_tax_of_old() -> None:
    """`tax_amounts` says how much of the amount is tax: 5.22 of 40.00."""
    (line,) = invoice_of("dj-stripe/invoice_in_fakefakefakefakefake0004").lines
    assert (4000, 522, "silver41294", "si_3825bb7f051ae45b", I(1593225984)) == (
        line.amount,
        line.inclusive_tax,
        line.price,
        line.item,
        line.period_start,
    )


def test_a_cycle_invoice_of_2020() -> None:
    """A free tier's renewal: line, subscription, item and price in their old places."""
    page = event_page("supabase-sync-engine/invoice_paid")
    assert ("in_fa602acdd011d5cd", "sub_4f686c44eb40cd50", "cus_3ef5578b1644cc8a") == (
        page.events[0].invoice,
        page.events[0].subscription,
        page.events[0].customer,
    )
    shape = recorded("supabase-sync-engine/invoice_paid")["data"]["object"]
    (line,) = listed("invoice", shape).invoices[0].lines
    assert ("il_eb5858cec16a3c36", "sub_4f686c44eb40cd50", "si_dcdf17e200121113", "price_3c893aa669bba8d8", 1, 0, False) == (
        line.id,
        line.subscription,
        line.item,
        line.price,
        line.quantity,
        line.amount,
        line.proration,
    )


def test_setup_fees_are_one_off() -> None:
    """Thirteen invoices of a setup fee, 2024 to dahlia, none with a subscription's line."""
    pages = [
        listed("invoice", r.body) for r in recordings() if r.file.endswith("create_an_invoice") and r.body["object"] == "invoice"
    ]
    assert 12 == len(pages)
    assert {()} == {i.lines for p in pages for i in p.invoices}
    assert 11 == sum(p.other_lines for p in pages)
    assert {("draft", None), ("paid", None)} == {(i.head.status, i.head.subscription) for p in pages for i in p.invoices}


def test_a_manual_invoice_names_its_subscription() -> None:
    """Created by hand for a subscription: a draft first, paid without lines after."""
    heads = [invoice_of("pay-rails/test_stripe_can_swap_and_invoice_a_subscription", i).head for i in (2, 3)]
    assert [("draft", "manual"), ("paid", "manual")] == [(h.status, h.billing_reason) for h in heads]
    assert {"sub_05713d8ba9c260d8"} == {h.subscription for h in heads}


def event_page(file: str) -> StripePage:
    """The page of one recorded event."""
    page = listed("event", recorded(file))
    assert () == page.rejected
    return page


def test_recorded_events_of_a_subscription() -> None:
    """Created with two items, one without a quantity; later deleted in the same minute; another's metadata changed."""
    (created,) = event_page("supabase-sync-engine/subscription_created").subscriptions
    assert (I(1623148918), Source.EVENT, "evt_590e0e58cb860092") == (created.at, created.source, created.source_id)
    assert [("si_5f0196f9b345573f", 1), ("si_13e0f307a58a2c4a", None)] == [(i.id, i.quantity) for i in created.subscription.items]
    (deleted,) = event_page("supabase-sync-engine/subscription_deleted").subscriptions
    assert ("canceled", I(1623149102), I(1623149102)) == (
        deleted.subscription.status,
        deleted.subscription.canceled_at,
        deleted.subscription.ended_at,
    )
    before, after = event_page("supabase-sync-engine/subscription_updated").subscriptions
    assert [None, "1"] == [dict(s.subscription.metadata).get("test") for s in (before, after)]
    assert before.subscription.items == after.subscription.items


def test_recorded_events_of_a_customer() -> None:
    """Its metadata; then its deletion, of which this recording left the id alone."""
    before, after = event_page("supabase-sync-engine/customer_updated").customers
    # The country on file is an empty text, which is none.
    known = Customer("cus_ee918da7f73ca163", I(1609763141), currency="usd", metadata=(("supabase_org_id", "35"),))
    assert [(Source.EVENT_BEFORE, known), (Source.EVENT, known)] == [(s.source, s.customer) for s in (before, after)]
    (gone,) = event_page("supabase-sync-engine/customer_deleted").customers
    assert Customer("cus_ee918da7f73ca163", deleted=True, metadata_told=False) == gone.customer


def test_recorded_events_of_the_catalog() -> None:
    """Prices and plans by event, and the product's name."""
    price = Price("price_3c893aa669bba8d8", "prod_1905e6144f19a1ea", "usd", unit=Decimal(2500))
    assert (price,) == bare(event_page("supabase-sync-engine/price_updated").inline_prices)
    plan = Price("price_74bc684c7435c89f", "prod_e344c39b305a5b73", "usd", unit=Decimal(59900))
    assert (plan,) == bare(event_page("supabase-sync-engine/plan_created").inline_prices)
    assert (Product("prod_1905e6144f19a1ea", "Pro tier"),) == event_page("supabase-sync-engine/product_updated").products


# --- nothing is lost -----------------------------------------------------------------------------------------------------------


def everything(kind: str) -> Iterator[dict[str, Any]]:
    """Every recorded or published object of one kind that is whole, wherever it lies."""
    for r in recordings():
        for found in inside(r.body):
            if found.get("object") == kind and isinstance(found.get("id"), str) and not found.get("deleted"):
                yield found
    if kind in samples():
        yield samples()[kind]


@pytest.mark.parametrize("kind", ["subscription", "invoice", "customer", "price", "plan", "coupon", "product", "event"])
def test_every_recorded_object_is_read(kind: str) -> None:
    """Not one is set aside; a customer of a published sample, whose discount names no coupon, has a discount of unknown terms."""
    found = list(everything(kind))
    assert found
    page = listed(kind, *map(with_lists, found))
    assert () == page.rejected
    if kind == "customer":
        assert {o["id"] for o in found} == {state.customer.id for state in page.customers}
        nameless = [o["id"] for o in found if ((o.get("discount") or {}).get("source") or {"coupon": ""}).get("coupon") is None]
        held = [state.customer for state in page.customers if state.customer.discount and state.customer.discount.coupon is None]
        assert nameless == [each.id for each in held if each.discount_told]


def with_lists(shape: dict[str, Any]) -> dict[str, Any]:
    """An invoice whose lines its authors cut out has none."""
    return shape | {"lines": {"data": [], "has_more": False}} if shape.get("lines") == {} else shape


def test_no_item_is_lost() -> None:
    """Id, price, quantity and period of every item of every recorded subscription come out as they went in."""
    count = 0
    for shape in everything("subscription"):
        found = listed("subscription", shape).subscriptions[0].subscription
        for item, raw in zip(found.items, shape["items"]["data"], strict=True):
            start = raw.get("current_period_start", shape.get("current_period_start"))
            assert (raw["id"], raw["price"]["id"], raw.get("quantity"), start) == (
                item.id,
                item.price,
                item.quantity,
                item.period_start,
            )
            count += 1
        for name in ("status", "created", "trial_end", "cancel_at", "canceled_at", "ended_at"):
            assert shape[name] == getattr(found, name)
    assert count >= 20


def test_no_line_is_lost() -> None:
    """Every recorded line is either evidence with its own id, amount, quantity and period, or counted as a one-off charge."""
    kept = others = 0
    for shape in everything("invoice"):
        page = listed("invoice", with_lists(shape))
        raws = {raw["id"]: raw for raw in shape["lines"].get("data", [])}
        if shape["status"] == "draft":
            continue
        assert len(raws) == len(page.invoices[0].lines) + page.other_lines
        for line in page.invoices[0].lines:
            raw = raws[line.id]
            assert (raw["amount"], raw["quantity"], raw["period"]["start"], raw["period"]["end"]) == (
                line.amount,
                line.quantity,
                line.period_start,
                line.period_end,
            )
            kept += 1
        others += page.other_lines
    assert (kept, others) >= (10, 13)


def test_published_samples_are_read() -> None:
    """Stripe's own samples, with values that make no sense together, give the fields that they have."""
    found = listed("subscription", samples()["subscription"]).subscriptions[0].subscription
    assert ("price_1PgafmB7WZ01zgkW6dKueIc5", 1, I(1896570518), I(976287773)) == (
        found.items[0].price,
        found.items[0].quantity,
        found.items[0].period_start,
        found.items[0].period_end,
    )
    assert found.pause is not None
    assert ("mark_uncollectible", True) == (found.pause.behavior, found.cancel_at_period_end)
    coupon = Coupon("Z4OV52SU", Decimal("25.5"), None, "usd", (), "forever", 3)
    assert (coupon,) == bare(listed("coupon", samples()["coupon"]).coupons)
    held = listed("customer", samples()["customer"]).customers[0].customer.discount
    assert Discount("obj_123", None, I(109757538), None) == held
    page = listed("invoice", samples()["invoice"] | {"status": "open"})
    (line,) = page.invoices[0].lines
    assert ("subscription", None, True, 0) == (line.subscription, line.item, line.proration, page.other_lines)
