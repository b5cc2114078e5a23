"""Events: the state after, the state before, and what has to be read again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.stripe.decode.events import laid_over
from integrations.stripe.decode.sent import unpacked
from integrations.stripe.page import Person, StripePage
from integrations.stripe.streams import EVENT_TYPES
from metrics.evidence import (
    Coupon,
    Customer,
    CustomerState,
    Discount,
    EventFact,
    Instant,
    Product,
    Source,
    Subscription,
    SubscriptionState,
)
from tests.integrations.stripe.decode.decoding import bare, listed
from tests.integrations.stripe.shaped import COUPON, GENERATIONS, PLAN, PRICE, customer, discount, event, invoice, subscription

AT = Instant(5000)


def read(kind: str, obj: dict[str, Any], **options: Any) -> StripePage:
    """The page that a list of one event gives."""
    page = listed("event", event(kind, obj, **options))
    assert () == page.rejected
    return page


def states(generation: str, previous: dict[str, Any], **changes: Any) -> tuple[Subscription, Subscription]:
    """A subscription before and after an update."""
    before, after = read("customer.subscription.updated", subscription(generation, **changes), previous=previous).subscriptions
    assert [(AT, Source.EVENT_BEFORE, "evt_1"), (AT, Source.EVENT, "evt_1")] == [
        (s.at, s.source, s.source_id) for s in (before, after)
    ]
    return before.subscription, after.subscription


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_created_subscription(generation: str) -> None:
    """One state, dated by the event, and the fact that it happened."""
    page = read("customer.subscription.created", subscription(generation))
    listing = listed("subscription", subscription(generation)).subscriptions[0].subscription
    assert (SubscriptionState(AT, Source.EVENT, "evt_1", listing),) == page.subscriptions
    assert (EventFact("evt_1", "customer.subscription.created", AT, "sub_1", "cus_1", "sub_1", None),) == page.events


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_changed_item_is_old_as_a_whole(generation: str) -> None:
    """`previous_attributes` holds the whole old array of items; plan and quantity beside it change nothing."""
    old_item = subscription(generation)["items"]["data"][0] | {"quantity": 7, "price": PRICE | {"id": "price_old"}}
    gone = old_item | {"id": "si_gone"}
    previous = {"items": {"data": [old_item, gone]}, "quantity": 7, "plan": PLAN | {"id": "price_old"}}
    before, after = states(generation, previous)
    assert [("si_1", "price_old", 7), ("si_gone", "price_old", 7)] == [(i.id, i.price, i.quantity) for i in before.items]
    assert [("si_1", "price_pro", 2)] == [(i.id, i.price, i.quantity) for i in after.items]
    assert before.discounts == after.discounts


def test_old_versions_that_tell_plan_and_quantity_alone() -> None:
    """With one item, the old plan and quantity of the subscription were that item's."""
    before, after = states("old", {"plan": PLAN | {"id": "plan_old"}, "quantity": 5})
    assert [("si_1", "plan_old", 5)] == [(i.id, i.price, i.quantity) for i in before.items]
    assert [("si_1", "price_pro", 2)] == [(i.id, i.price, i.quantity) for i in after.items]
    before, _ = states("old", {"quantity": 5})
    assert [("price_pro", 5)] == [(i.price, i.quantity) for i in before.items]


@pytest.mark.parametrize(
    ("changes", "previous", "field", "old", "new"),
    [
        ({"status": "active"}, {"status": "trialing"}, "status", "trialing", "active"),
        (
            {"cancel_at_period_end": True, "cancel_at": 9, "canceled_at": 5},
            {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None},
            "cancel_at",
            None,
            9,
        ),
        ({"pause_collection": {"behavior": "void", "resumes_at": None}}, {"pause_collection": None}, "pause", None, "void"),
        (
            {"pause_collection": None},
            {"pause_collection": {"behavior": "keep_as_draft", "resumes_at": 7}},
            "pause",
            "keep_as_draft",
            None,
        ),
        (
            {"metadata": {"a": "1", "b": "2"}},
            {"metadata": {"a": "0", "b": None, "c": "3"}},
            "metadata",
            (("a", "0"), ("c", "3")),
            (("a", "1"), ("b", "2")),
        ),
        ({"trial_end": 3000}, {"trial_end": 2000}, "trial_end", 2000, 3000),
    ],
)
def test_single_fields_before_and_after(
    changes: dict[str, Any], previous: dict[str, Any], field: str, old: object, new: object
) -> None:
    """Old values replace new ones; objects are merged key by key, and null stands for a key that wasn't there."""
    found = [getattr(s, field) for s in states("clover", previous, **changes)]
    assert [old, new] == [value.behavior if hasattr(value, "behavior") else value for value in found]


def test_a_discount_that_came_in_old_versions() -> None:
    """Before it there was none."""
    before, after = states("old", {"discount": None, "discounts": []}, discounts=["di_1"])
    assert ((), (Discount("di_1", "TENOFF", Instant(1000), Instant(9000)),)) == bare((before.discounts, after.discounts))


def test_new_events_name_discounts_by_id_only() -> None:
    """No coupon and no dates: whoever derives finds them with the other sightings of that discount."""
    before, after = states("clover", {"discounts": ["di_0"]}, discounts=["di_1", "di_2"])
    assert ["di_0"] == [d.id for d in before.discounts]
    assert [Discount("di_1", None, Instant(0)), Discount("di_2", None, Instant(0))] == list(after.discounts)


def test_items_of_an_event_that_were_cut() -> None:
    """What an event leaves out can't be had any longer: the state says that it isn't whole."""
    shape = subscription("clover")
    shape["items"]["has_more"] = True
    assert not read("customer.subscription.created", shape).subscriptions[0].subscription.items_complete


def test_exact_amounts_before_a_change() -> None:
    """The state before goes through plain values, and its numbers stay exact."""
    odd = COUPON | {"id": "ODD", "percent_off": 33.33, "amount_off": None, "currency": None}
    shape = subscription("old", discount=discount("old", coupon=odd), discounts=None)
    page = listed("event", event("customer.subscription.updated", shape, previous={"discount": {"coupon": {"id": "ODDER"}}}))
    assert {"ODD": "33.33", "ODDER": "33.33"} == {c.id: str(c.percent_off) for c in page.inline_coupons}


# --- customers ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_customer_before_and_after(generation: str) -> None:
    """Metadata, discount and country as they were and as they became."""
    shape = customer(generation, metadata={"segment": "ent", "new": "1"})
    previous = {"metadata": {"segment": "smb", "new": None}, "discount": None, "address": {"country": "FR"}}
    before, after = read("customer.updated", shape, previous=previous).customers
    assert ((("segment", "smb"),), None, "FR") == (before.customer.metadata, before.customer.discount, before.customer.country)
    assert "DE" == after.customer.country
    assert after.customer.discount is not None
    assert [Source.EVENT_BEFORE, Source.EVENT] == [before.source, after.source]


def test_a_deleted_customer_keeps_its_metadata() -> None:
    """The event of a deletion is the last sight of a customer."""
    (state,) = read("customer.deleted", customer("clover")).customers
    assert (True, (("segment", "smb"),)) == (state.customer.deleted, state.customer.metadata)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_customers_discount_comes_and_goes(generation: str) -> None:
    """A discount on the customer is a state of the customer that speaks of the discount alone."""
    shape = discount(generation) | {"subscription": None}
    held = Discount("di_1", "TENOFF", Instant(1000), Instant(9000))
    page = read("customer.discount.created", shape)
    assert (CustomerState(AT, Source.EVENT, "evt_1", Customer("cus_1", discount=held)),) == bare(page.customers)
    assert ("TENOFF",) == tuple(c.id for c in page.inline_coupons)
    page = read("customer.discount.deleted", shape)
    assert (
        CustomerState(AT, Source.EVENT_BEFORE, "evt_1", Customer("cus_1", discount=held)),
        CustomerState(AT, Source.EVENT, "evt_1", Customer("cus_1")),
    ) == bare(page.customers)
    before, after = read("customer.discount.updated", shape, previous={"end": 8000}).customers
    assert [Instant(8000), Instant(9000)] == [s.customer.discount.end for s in (before, after) if s.customer.discount]


def test_a_subscriptions_discount_is_only_described() -> None:
    """It says nothing of the customer but what that discount is: events of the subscription will name it by id alone."""
    page = read("customer.discount.created", discount("clover"))
    said = Customer("cus_1", described=(Discount("di_1", "TENOFF", Instant(1000), Instant(9000)),))
    assert (CustomerState(AT, Source.EVENT, "evt_1", said),) == bare(page.customers)
    assert ("sub_1", "cus_1") == (page.events[0].subscription, page.events[0].customer)
    assert (Coupon("TENOFF", None, 1000, "usd", (), "repeating", 3),) == bare(page.inline_coupons)


def test_a_discount_of_nobody_is_set_aside() -> None:
    """It can be laid nowhere, so its event is named; what it is about is read again all the same."""
    page = listed("event", event("customer.discount.created", discount("clover") | {"customer": None, "subscription": None}))
    assert [("evt_1", "missing_customer")] == [(each.object_id, each.reason) for each in page.rejected]
    assert () == page.customers


# --- the rest -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_invoice_is_only_named(generation: str) -> None:
    """Its lines stop at ten and its discounts are ids: it is read again, not believed."""
    page = read("invoice.paid", invoice(generation))
    assert ((), EventFact("evt_1", "invoice.paid", AT, "in_1", "cus_1", "sub_1", "in_1")) == (page.invoices, page.events[0])


def test_the_catalog_from_events() -> None:
    """Prices, plans and coupons of events may fill holes; a tiered price lacks its tiers there, and says what else it is."""
    page = listed(
        "event",
        event("price.created", PRICE, event_id="evt_1"),
        event("plan.created", PLAN | {"id": "plan_2"}, event_id="evt_2"),
        event("coupon.deleted", COUPON, event_id="evt_3"),
        event("product.created", {"id": "prod_1", "name": "Thing"}, event_id="evt_4"),
        event("price.updated", PRICE | {"id": "price_t", "billing_scheme": "tiered", "unit_amount": None}, event_id="evt_5"),
    )
    assert ["price_pro", "plan_2", "price_t"] == [p.id for p in page.inline_prices]
    assert None is page.inline_prices[2].tiers
    assert ((), (), ["TENOFF"]) == (page.prices, page.coupons, [c.id for c in page.inline_coupons])
    assert (Product("prod_1", "Thing"),) == page.products
    assert ["price_pro", "plan_2", "TENOFF", "prod_1", "price_t"] == [e.object_id for e in page.events]


@pytest.mark.parametrize(
    "kind", ["charge.succeeded", "customer.tax_id.created", "invoice_payment.paid", "subscription_schedule.created", "x"]
)
def test_events_of_no_concern(kind: str) -> None:
    """They are passed over without a word."""
    page = listed("event", event(kind, {"id": "x_1"}))
    assert ((), (), ()) == (page.events, page.rejected, page.payloads)


def test_payloads_hold_no_persons() -> None:
    """Subscriptions and their events are kept as Stripe sent them; events of customers and invoices hold names and are not."""
    page = listed(
        "event",
        event("customer.subscription.created", subscription("clover"), event_id="evt_s"),
        event("customer.updated", customer("clover"), previous={}, event_id="evt_c"),
        event("invoice.paid", invoice("clover"), event_id="evt_i"),
    )
    assert [("event", "evt_s", "evt_s")] == [(p.kind, p.object_id, p.source_id) for p in page.payloads]
    assert b'"evt_s"' in unpacked(page.payloads[0].body)
    (kept,) = listed("subscription", subscription("clover")).payloads
    assert ("subscription", "sub_1", "") == (kept.kind, kept.object_id, kept.source_id)
    assert () == listed("subscription", subscription("clover"), payloads=False).payloads


def test_names_come_only_for_who_asked() -> None:
    """Who a customer is leaves the reader only if it was told so, as it is now, and one without a name isn't somebody."""
    named = customer("clover") | {"id": "cus_n", "name": "Ada", "email": "ada@example.com"}
    nameless = customer("clover") | {"id": "cus_x", "name": None, "email": ""}
    assert () == listed("customer", named, nameless).people
    assert (Person("cus_n", "Ada", "ada@example.com"),) == listed("customer", named, nameless, people=True).people
    assert () == listed("event", event("customer.updated", named, previous={}), people=True).people


def test_types_that_are_asked_for_are_understood() -> None:
    """Twenty names at most, which is what one request may filter by, and none of them is passed over."""
    assert 20 >= len(set(EVENT_TYPES)) == len(EVENT_TYPES)
    objects = {
        "customer.subscription": subscription("clover"),
        "customer": customer("clover"),
        "customer.discount": discount("clover"),
        "invoice": invoice("clover"),
        "price": PRICE,
        "coupon": COUPON,
        "product": {"id": "prod_1"},
        "credit_note": {"id": "cn_1", "customer": "cus_1", "invoice": "in_1"},
    }
    for kind in EVENT_TYPES:
        assert [kind] == [e.type for e in read(kind, objects[kind.rpartition(".")[0]]).events]


PLAIN = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


def changes(old: Any, new: Any) -> Any:
    """What Stripe would call the previous attributes of a change from `old` to `new`."""
    out = {}
    for key in old.keys() | new.keys():
        if key not in new or key not in old:
            out[key] = old.get(key)
        elif old[key] != new[key]:
            both = isinstance(old[key], dict) and isinstance(new[key], dict)
            out[key] = changes(old[key], new[key]) if both else old[key]
    return out


@given(st.dictionaries(st.text(max_size=2), PLAIN, max_size=4), st.dictionaries(st.text(max_size=2), PLAIN, max_size=4))
def test_laying_the_old_values_over_gives_what_was(old: dict[str, Any], new: dict[str, Any]) -> None:
    """For any change, the object with its previous attributes is the object before, with null for what wasn't there."""

    def without_nulls(value: Any) -> Any:
        return {k: without_nulls(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value

    assert without_nulls(old) == without_nulls(laid_over(new, changes(old, new)))
