"""What is to come: schedules, updates that wait, billing ahead, and prorations that wait for their invoice."""

from typing import Any

from metrics.evidence import (
    BillingSchedule,
    Instant,
    PendingUpdate,
    PlannedPause,
    Schedule,
    ScheduledDiscount,
    ScheduledItem,
    ScheduledPhase,
)
from tests.integrations.stripe.decode.decoding import listed
from tests.integrations.stripe.decode.test_cut_and_unsaid import FORBIDDEN, JSON
from tests.integrations.stripe.host import failing
from tests.integrations.stripe.shaped import subscription
from tests.integrations.stripe.test_reader import reading

# --- what is to come ---------------------------------------------------------------------------------------------------------------


def test_a_schedule_comes_with_its_subscription() -> None:
    """Phases with items and discounts, and planned pauses; an id alone says nothing of what is to come."""
    phases = [
        {
            "start_date": 10,
            "end_date": 20,
            "currency": "usd",
            "items": [{"price": "price_pro", "quantity": 2, "discounts": []}],
            "discounts": [],
        },
        {
            "start_date": 20,
            "end_date": 30,
            "currency": "USD",
            "items": [{"price": "price_max", "discounts": [{"discount": "di_9"}]}],
            "discounts": [{"coupon": "TEN", "discount_end": {"timestamp": 25}}],
            "trial": True,
            "trial_end": 30,
        },
    ]
    pauses = [
        {
            "key": "p",
            "pause": {"pause_at": 12, "status": {"type": "scheduled"}},
            "resume": {"resume_at": 15, "status": {"type": "pending"}},
        }
    ]
    whole = {"id": "sub_sched_1", "object": "subscription_schedule", "status": "active", "end_behavior": "cancel", "phases": phases}
    plan = (
        listed("subscription", subscription("endive", schedule=whole | {"pause_schedules": pauses}))
        .subscriptions[0]
        .subscription.plan
    )
    ten = ScheduledDiscount("TEN", None, Instant(25))
    assert plan == Schedule(
        "sub_sched_1",
        "active",
        "cancel",
        (
            ScheduledPhase(Instant(10), Instant(20), "usd", (ScheduledItem("price_pro", 2),)),
            ScheduledPhase(
                Instant(20),
                Instant(30),
                "usd",
                (ScheduledItem("price_max", None, (ScheduledDiscount(None, "di_9"),)),),
                (ten,),
                True,
                Instant(30),
            ),
        ),
        (PlannedPause(Instant(12), Instant(15), "scheduled", "pending"),),
    )
    named = listed("subscription", subscription("endive", schedule="sub_sched_1")).subscriptions[0].subscription
    assert ("sub_sched_1", None) == (named.schedule, named.plan)


def test_a_key_that_may_not_read_schedules_reads_subscriptions_without_them() -> None:
    """And the page says what is missing."""

    def answering(request: Any) -> Any:
        return failing(403, FORBIDDEN) if "data.schedule" in request.params().get("expand[]", ()) else None

    with reading({"/v1/subscriptions": [subscription("endive")]}, refusing=answering) as (reader, host):
        (page,) = reader.pages("subscriptions")
        list(reader.pages("subscriptions"))
    assert [("data.schedule", "not_expanded")] == [(r.object_id, r.reason) for r in page.rejected]
    assert (1, 3) == (len(page.subscriptions), len(host.requests))


def test_updates_that_wait_and_billing_ahead() -> None:
    """A pending update is no state; prebilled items have their periods still."""
    first = subscription("endive")["items"]["data"][0]
    shape = subscription(
        "endive",
        pending_update={"expires_at": 77, "subscription_items": [first | {"quantity": 9}], "trial_end": None},
        managed_payments={"enabled": True},
        billing_schedules=[
            {
                "key": "k",
                "bill_until": {"computed_timestamp": 9000, "type": "duration"},
                "applies_to": [{"price": "price_pro", "type": "price"}],
            }
        ],
    )
    shape["items"]["data"][0] |= {"billed_until": 9000}
    found = listed("subscription", shape).subscriptions[0].subscription
    assert (2, Instant(3000), Instant(9000), True) == (
        found.items[0].quantity,
        found.items[0].period_end,
        found.items[0].billed_until,
        found.managed_payments,
    )
    assert isinstance(found.pending_update, PendingUpdate)
    assert found.pending_update.items is not None
    assert (77, 9) == (found.pending_update.expires_at, found.pending_update.items[0].quantity)
    assert (BillingSchedule("k", Instant(9000), ("price_pro",)),) == found.billing_schedules


# --- prorations that wait ------------------------------------------------------------------------------------------------------------


def waiting(**changes: Any) -> JSON:
    """An invoice item that prorates a subscription and has no invoice yet."""
    return {
        "id": "ii_1",
        "object": "invoiceitem",
        "amount": -250,
        "currency": "usd",
        "customer": "cus_1",
        "date": 5,
        "invoice": None,
        "period": {"start": 2500, "end": 3000},
        "proration": True,
        "quantity": 2,
        "discounts": [],
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "subscription_item": "si_1"}},
        "pricing": {"type": "price_details", "price_details": {"price": "price_pro", "product": "prod_pro"}},
        "proration_details": {
            "credited_items": {
                "type": "invoice_line_items",
                "invoice_line_item_details": {"invoice": "in_0", "invoice_line_items": ["il_0"]},
            }
        },
    } | changes


def test_prorations_that_wait_for_an_invoice_are_read() -> None:
    """As the lines that they will be; one-off items are none of ours."""
    others = [waiting(id="ii_2", proration=False), waiting(id="ii_3", proration=False, parent=None)]
    with reading({"/v1/invoiceitems": [waiting(), *others]}) as (reader, _):
        (page,) = reader.pages("pending_items")
    ((owner, found),) = page.pending
    assert ("cus_1", "ii_1", "", "sub_1", "si_1", "price_pro", 2, -250, True, ("il_0",), "ii_1") == (
        owner,
        found.id,
        found.invoice,
        found.subscription,
        found.item,
        found.price,
        found.quantity,
        found.amount,
        found.proration,
        found.credited_lines,
        found.invoice_item,
    )
    assert ([], True) == (list(page.rejected), found.gives_back)


def test_a_proration_that_waits_without_what_it_needs_is_set_aside() -> None:
    """By its own id."""
    page = listed("invoiceitem", waiting(period=None), waiting(id="ii_2"), waiting(id="ii_3", parent=None))
    assert [("ii_1", "missing_period"), ("ii_3", "missing_subscription")] == [(r.object_id, r.reason) for r in page.rejected]
    assert ["ii_2"] == [found.id for _, found in page.pending]


def test_a_key_that_may_not_read_invoice_items_stops_nobody() -> None:
    """A refusal is told and no empty list."""
    with reading(
        {"/v1/invoiceitems": failing(403, "The provided key does not have the required permissions: rak_invoice_read.")}
    ) as (reader, _):
        (page,) = reader.pages("pending_items")
    assert [("/v1/invoiceitems", "pending_items", "not_allowed")] == [(r.object_id, r.kind, r.reason) for r in page.rejected]
