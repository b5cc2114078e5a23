"""Old shapes and new: whatever version wrote an object, the evidence is the same."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

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
    Pause,
    Price,
    Source,
    Subscription,
    SubscriptionState,
)
from tests.integrations.stripe.decode.decoding import AT, bare, listed
from tests.integrations.stripe.shaped import (
    COUPON,
    GENERATIONS,
    PLAN,
    PRICE,
    customer,
    discount,
    has_decimals,
    has_source,
    invoice,
    line,
    subscription,
)

I = Instant  # noqa: E741  # instants are many here
TEN_OFF = Discount("di_1", "TENOFF", I(1000), I(9000))
SUBSCRIPTION = Subscription(
    id="sub_1",
    customer="cus_1",
    status="active",
    currency="usd",
    created=I(1000),
    start=I(900),
    items=(Item("si_1", "price_pro", 2, (), I(2000), I(3000)),),
    discounts=(TEN_OFF,),
    metadata=(("crm", "17"), ("team", "blue")),
)


def one(generation: str, **changes: Any) -> Subscription:
    """The subscription that a list of one gives."""
    page = listed("subscription", subscription(generation, **changes))
    assert () == page.rejected
    (state,) = page.subscriptions
    assert (AT, Source.SNAPSHOT, "") == (state.at, state.source, state.source_id)
    return state.subscription


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_subscription(generation: str) -> None:
    """Period, discount, coupon and currency are found wherever the version has them; the coupon and price are noted on the way."""
    page = listed("subscription", subscription(generation))
    decimals, discounts = has_decimals(generation), generation != "old"
    items = tuple(replace(i, decimal_told=decimals, discounts_complete=discounts) for i in SUBSCRIPTION.items)
    assert (SubscriptionState(AT, Source.SNAPSHOT, "", replace(SUBSCRIPTION, items=items)),) == bare(page.subscriptions)
    assert (Coupon("TENOFF", None, 1000, "usd", (), "repeating", 3),) == bare(page.inline_coupons)
    assert (Price("price_pro", "prod_pro", "usd", unit=Decimal(2500)),) == bare(page.inline_prices)
    assert ((), ()) == (page.prices, page.coupons)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_item_discount_has_its_coupon_as_an_id(generation: str) -> None:
    """Expansion ends at four levels, so the coupon of an item's discount is only named."""
    shape = subscription(generation, discounts=[], discount=None)
    shape["items"]["data"][0]["discounts"] = [discount(generation, coupon="TENOFF")]
    page = listed("subscription", shape)
    assert (TEN_OFF,) == page.subscriptions[0].subscription.items[0].discounts
    assert () == page.inline_coupons


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_facts_that_date_themselves(generation: str) -> None:
    """Trial, cancellation, end, pause of collection, schedule, clock and the reasons given, each by its own field."""
    found = one(
        generation,
        status="canceled",
        trial_start=900,
        trial_end=1100,
        cancel_at=3000,
        cancel_at_period_end=True,
        canceled_at=2500,
        ended_at=3000,
        pause_collection={"behavior": "void", "resumes_at": 4000},
        schedule={"id": "sub_sched_1", "object": "subscription_schedule"},
        test_clock="clock_1",
        cancellation_details={"comment": "x", "feedback": "too_expensive", "reason": "cancellation_requested"},
    )
    expected = (I(900), I(1100), I(3000), True, I(2500), I(3000), Pause("void", I(4000)), "sub_sched_1", "clock_1")
    assert expected == (
        found.trial_start,
        found.trial_end,
        found.cancel_at,
        found.cancel_at_period_end,
        found.canceled_at,
        found.ended_at,
        found.pause,
        found.schedule,
        found.test_clock,
    )
    assert ("cancellation_requested", "too_expensive") == (found.cancel_reason, found.cancel_feedback)


def test_what_only_endive_has() -> None:
    """A real pause dates itself, an item may be on a trial of its own, and feedback is an option."""
    shape = subscription("endive", status="paused", status_details={"paused": {"transitioned_at": 2600, "type": "subscription"}})
    shape["items"]["data"][0]["current_trial"] = {"start_date": 2000, "end_date": 2700, "trial_offer": "to_1"}
    shape["cancellation_details"] = {"reason": "canceled_by_retention_policy", "feedback_option": "unused"}
    (state,) = listed("subscription", shape).subscriptions
    found = state.subscription
    assert ("paused", I(2600), I(2700)) == (found.status, found.paused_at, found.items[0].trial_end)
    assert ("canceled_by_retention_policy", "unused") == (found.cancel_reason, found.cancel_feedback)


def test_items_have_periods_of_their_own() -> None:
    """Flexible subscriptions mix intervals: each item's period is its own."""
    shape = subscription("dahlia")
    first = shape["items"]["data"][0]
    second = first | {
        "id": "si_2",
        "current_period_start": 500,
        "current_period_end": 5000,
        "quantity": None,
        "quantity_decimal": None,
    }
    shape["items"]["data"] = [first, second]
    (state,) = listed("subscription", shape).subscriptions
    assert [(I(2000), I(3000), 2), (I(500), I(5000), None)] == [
        (i.period_start, i.period_end, i.quantity) for i in state.subscription.items
    ]


@pytest.mark.parametrize("value", [None, [], ["di_1"]])
def test_the_single_discount_of_old_versions(value: list[str] | None) -> None:
    """Before `discounts` there was `discount`; later versions had both, the list with ids that the single one explains."""
    assert (TEN_OFF,) == bare(one("old", discounts=value).discounts)


def test_old_discounts_without_an_id() -> None:
    """Before 2020-08-27 a discount had no id: the one made up is the same at each sight, and differs by coupon and start."""
    nameless = {k: v for k, v in discount("old").items() if k != "id"}
    first = one("old", discounts=None, discount=nameless).discounts[0]
    again = one("old", discounts=None, discount=nameless, metadata={}).discounts[0]
    later = one("old", discounts=None, discount=nameless | {"start": 1001}).discounts[0]
    assert first == again
    assert first.id != later.id


def test_currency_of_a_subscription_without_one() -> None:
    """Replies of 2020 give a subscription no currency: it is that of its prices."""
    assert "usd" == one("old", currency=None).currency


@pytest.mark.parametrize("written", ["missing", "null", "id", "object"])
def test_an_item_with_a_plan_and_no_price(written: str) -> None:
    """The older word for a price has the same id, and tells as much."""
    shape = subscription("old")
    item = shape["items"]["data"][0]
    item["price"] = None
    if written == "missing":
        del item["price"]
    item["plan"] = "price_pro" if written == "id" else PLAN
    page = listed("subscription", shape)
    assert "price_pro" == page.subscriptions[0].subscription.items[0].price
    told = (Price("price_pro", "prod_pro", "usd", unit=Decimal(2500)),)
    assert (() if written == "id" else told) == bare(page.inline_prices)


def test_an_item_without_any_price_is_kept() -> None:
    """It can't be priced, and that is for the engine to report: it is never dropped."""
    shape = subscription("dahlia")
    item = shape["items"]["data"][0]
    item["price"] = item["plan"] = None
    assert None is listed("subscription", shape).subscriptions[0].subscription.items[0].price


@pytest.mark.parametrize("customer_field", ["cus_1", {"id": "cus_1", "object": "customer"}, {"id": "cus_1", "deleted": True}])
def test_an_expanded_or_deleted_customer(customer_field: Any) -> None:
    """Fields that may be an id or the object are read as either."""
    assert "cus_1" == one("clover", customer=customer_field).customer


def test_unknown_words_are_legal() -> None:
    """A status, a pause and a reason that this release has never heard of are kept as they are."""
    found = one("endive", status="hibernating", pause_collection={"behavior": "half"}, cancellation_details={"reason": "moon"})
    assert ("hibernating", Pause("half"), "moon") == (found.status, found.pause, found.cancel_reason)


# --- invoices -------------------------------------------------------------------------------------------------------------------


def lines_of(generation: str, *lines: dict[str, Any], **changes: Any) -> tuple[InvoiceLine, ...]:
    """The evidence of an invoice with these lines."""
    page = listed("invoice", invoice(generation, *lines, **changes))
    assert () == page.rejected
    return page.invoices[0].lines


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_invoice(generation: str) -> None:
    """Head, subscription, line, price, period and inclusive tax: the same in every generation."""
    shape = invoice(generation, line(generation, line_id="il_1", amount=5000, inclusive=800, exclusive=50))
    expected = InvoiceEvidence(
        Invoice(
            "in_1", "cus_1", "sub_1", "paid", I(2001), "usd", "subscription_cycle", 4000, finalized_at=I(2002), paid_at=I(2003)
        ),
        (
            InvoiceLine(
                "il_1",
                "in_1",
                "sub_1",
                "si_1",
                "price_pro",
                2,
                5000,
                "usd",
                I(2000),
                I(3000),
                inclusive_tax=800,
                decimal_told=has_decimals(generation),
            ),
        ),
    )
    page = listed("invoice", shape)
    assert (expected,) == bare(page.invoices)
    assert 0 == page.other_lines


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("of_item", [True, False])
def test_a_proration_pair(generation: str, of_item: bool) -> None:
    """Credit and debit, under both kinds of parent (flexible and classic): what was credited, at which price, from when."""
    credit, debit = lines_of(
        generation,
        line(generation, line_id="il_c", amount=-667, proration=True, credited=["il_0"], of_item=of_item, start=2300),
        line(generation, line_id="il_d", amount=333, price="price_small", quantity=3, proration=True, of_item=of_item, start=2300),
    )
    assert (-667, "price_pro", 2, ("il_0",), True) == (
        credit.amount,
        credit.price,
        credit.quantity,
        credit.credited_lines,
        credit.proration,
    )
    assert (333, "price_small", 3, (), True) == (debit.amount, debit.price, debit.quantity, debit.credited_lines, debit.proration)
    assert {("sub_1", "si_1" if of_item else None, I(2300), I(3000))} == {
        (x.subscription, x.item, x.period_start, x.period_end) for x in (credit, debit)
    }


@pytest.mark.parametrize("generation", GENERATIONS)
def test_one_off_charges_are_counted_not_kept(generation: str) -> None:
    """A setup fee is no evidence of MRR, whether the invoice of a subscription carries it or one of its own."""
    fee = line(generation, line_id="il_f", amount=900, of_item=False)
    stray = line(generation, line_id="il_s", amount=900, of_item=False, subscription_id=None)
    page = listed("invoice", invoice(generation, fee, line(generation, line_id="il_1", amount=1), stray))
    assert (["il_1"], 2) == ([x.id for x in page.invoices[0].lines], page.other_lines)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_discounts_of_a_line(generation: str) -> None:
    """A line's own discount with its amount, and the subscription's, which the line names by id and the invoice describes."""
    own = discount(generation, coupon="HALF", discount_id="di_2", start=1500, end=None)
    shape = line(
        generation,
        line_id="il_1",
        amount=5000,
        discounts=[own],
        amounts=[{"amount": 250, "discount": "di_2"}, {"amount": 1000, "discount": "di_1"}, {"amount": 5, "discount": "di_x"}],
    )
    (found,) = lines_of(generation, shape)
    assert (
        (Discount("di_2", "HALF", I(1500), None), 250),
        (TEN_OFF, 1000),
        (Discount("di_x", None, I(0), None), 5),
    ) == bare(found.discounts)
    assert (COUPON["id"],) == tuple(c.id for c in listed("invoice", invoice(generation, shape)).inline_coupons)


def test_drafts_have_no_lines() -> None:
    """A draft's lines may still change: only its head is kept."""
    page = listed("invoice", invoice("clover", line("clover", line_id="il_1", amount=1), status="draft"))
    assert ("draft", ()) == (page.invoices[0].head.status, page.invoices[0].lines)


def test_a_line_in_another_currency_than_its_invoice() -> None:
    """A line states its own currency."""
    (found,) = lines_of("clover", line("clover", line_id="il_1", amount=1) | {"currency": "eur"})
    assert "eur" == found.currency


# --- customers ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_customer_without_the_person(generation: str) -> None:
    """Country, metadata and discount; no name, no e-mail."""
    held = Discount("di_c", "TENOFF", I(1000), I(9000))
    expected = Customer("cus_1", I(800), False, "usd", "DE", held, (("segment", "smb"),))
    page = listed("customer", customer(generation))
    assert (CustomerState(AT, Source.SNAPSHOT, "", expected),) == page.customers
    assert "Person" not in repr(page)
    assert "example.com" not in repr(page)


def test_country_falls_back_to_shipping() -> None:
    """Without an address the country that things are sent to."""
    shape = customer("clover", address=None, shipping={"name": "x", "address": {"country": "fr"}})
    assert "FR" == listed("customer", shape).customers[0].customer.country


def test_a_deleted_customer() -> None:
    """`{deleted: true}` is a state."""
    (state,) = listed("customer", {"id": "cus_9", "object": "customer", "deleted": True}).customers
    assert Customer("cus_9", deleted=True, metadata_told=False) == state.customer


def test_where_the_coupon_hangs() -> None:
    """The shapes used here differ as the versions do: a test of one field only would prove nothing."""
    assert [False, False, True, True, True] == [has_source(g) for g in GENERATIONS]
    assert "coupon" in discount("basil")
    assert "coupon" not in discount("clover")
    assert PRICE["id"] == PLAN["id"]
