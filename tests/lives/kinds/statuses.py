"""Statuses, ends and pauses: when a subscription counts, and what its coming and going is called."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
MAY = noon("2026-05-20")
_INVOICED = {"events": None, "listings": None}
"""Only invoices tell of it."""


def first(number: int) -> str:
    """Why the bill of a month was made."""
    return "subscription_create" if number == 0 else "subscription_cycle"


def paying(m: Maker, cents: int = 2000) -> JSON:
    """One seat since 20 May, with its events."""
    price = m.price(cents)
    m.begin(MAY, [m.item(price, 1, MAY)])
    m.cycles(MAY, MAY, [(price, 1)])
    return price


@life(right("2026-03-01 new 20.00", or_=((("2026-02-01", "new", 2000),),)), **_INVOICED)
def the_first_bill_voided_and_then_paid(m: Maker) -> None:
    """The first month's invoice was voided, the following ones were paid: a customer."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.bill([m.line(price, 1, START)], START, status="void", reason="subscription_create", told=False)
    m.cycles(noon("2026-03-01"), noon("2026-06-01"), [(price, 1)], went_on=True, told=False)


@life(right("2026-02-01 new 20.00"), **_INVOICED)
def voids_and_then_paid_again(m: Maker) -> None:
    """Two cycles in the middle were voided; nothing says that it was paused: MRR is held."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        m.bill(
            [m.line(price, 1, later(START, n))],
            later(START, n),
            status="void" if n in (1, 2) else "paid",
            reason=first(n),
            told=False,
        )


@life(right("2026-05-10 new 20.00", causes=("trial_converted",)), listings=None, invoices=None, events=None)
def first_payment_fails_after_a_trial(m: Maker) -> None:
    """Past due since the trial's end: it counts, at risk."""
    price, start, over = m.price(2000), noon("2026-04-26"), noon("2026-05-10")
    m.begin(start, [m.item(price, 1, over)], told=False, status="past_due", trial_start=start, trial_end=over)
    m.bill([m.line(price, 1, start, end=over, amount=0)], start, reason="subscription_create", told=False)
    m.bill([m.line(price, 1, over)], over, status="open", told=False)


@life(right(), events=None)
def paused_at_the_end_of_a_trial(m: Maker) -> None:
    """No way to pay when the trial ended: paused, and never a customer."""
    price, start, over = m.price(2000), noon("2026-04-26"), noon("2026-05-10")
    paused = {"paused": {"transitioned_at": over, "subscription": {"type": "trial_end_without_payment_method"}}}
    m.begin(
        start,
        [m.item(price, 1, start, months=1)],
        told=False,
        status="paused",
        trial_start=start,
        trial_end=over,
        status_details=paused,
    )
    m.bill([m.line(price, 1, start, end=over, amount=0)], start, reason="subscription_create", told=False)


@life(right("2026-02-01 new 20.00", "2026-05-10 churn -20.00", causes=("start", "paused")), events=None)
def paused_since_may(m: Maker) -> None:
    """The status is paused, since the 10th as the listing says."""
    price, at = m.price(2000), noon("2026-05-10")
    paused = {"paused": {"transitioned_at": at, "subscription": {"type": "pause_requested"}}}
    m.begin(START, [m.item(price, 1, START)], told=False, status="paused", status_details=paused)
    m.cycles(START, noon("2026-05-01"), [(price, 1)], told=False)


@life(right("2026-02-01 new 20.00"))
def a_pause_to_come(m: Maker) -> None:
    """A schedule pauses it in July: nothing has happened yet."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False, schedule=f"sub_sched_{m.name}")
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)
    m.account.put(
        "subscription_schedules",
        {
            "id": f"sub_sched_{m.name}",
            "object": "subscription_schedule",
            "created": START,
            "status": "active",
            "subscription": m.sub,
            "customer": m.customer,
            "end_behavior": "release",
            "phases": [
                {
                    "start_date": START,
                    "end_date": noon("2027-02-01"),
                    "items": [{"price": price["id"], "quantity": 1}],
                    "discounts": [],
                    "currency": "usd",
                }
            ],
            "pause_schedules": [
                {
                    "start": {"type": "timestamp", "timestamp": noon("2026-07-01")},
                    "end": {"type": "timestamp", "timestamp": noon("2026-08-01")},
                }
            ],
            "current_phase": {"start_date": START, "end_date": noon("2027-02-01")},
            "livemode": False,
            "metadata": {},
        },
        START,
    )


@life(right("2026-05-20 new 20.00", "2026-06-05 churn -20.00", causes=("start", "canceled_involuntary")), invoices_once=None)
def ended_by_a_dispute(m: Maker) -> None:
    """A disputed payment ended it: not by wish."""
    price, start = m.price(2000), noon("2026-05-20")
    m.begin(start, [m.item(price, 1, start)])
    m.cycles(start, start, [(price, 1)])
    m.account.end(m.sub, noon("2026-06-05"), reason="payment_disputed")


@life(right("2026-05-20 new 20.00"), listings_daily=None)
def asked_and_withdrawn(m: Maker) -> None:
    """An end is asked for and withdrawn: nothing happened."""
    price, start = m.price(2000), noon("2026-05-20")
    m.begin(start, [m.item(price, 1, start)])
    m.cycles(start, start, [(price, 1)])
    m.change(noon("2026-06-01"), cancel_at_period_end=True, cancel_at=noon("2026-06-20"), canceled_at=noon("2026-06-01"))
    m.change(noon("2026-06-04"), cancel_at_period_end=False, cancel_at=None, canceled_at=None)


@life(right("2026-05-20 new 20.00", "2026-06-03 expansion 10.00"), invoices=None, listings=None)
def canceled_and_made_anew_the_same_day(m: Maker) -> None:
    """A swap by cancel and recreate, to 30.00."""
    price, dearer, start, at = m.price(2000, "a"), m.price(3000, "b"), noon("2026-05-20"), noon("2026-06-03")
    m.begin(start, [m.item(price, 1, start)])
    m.cycles(start, start, [(price, 1)])
    m.account.end(m.sub, at)
    m.begin(at + 60, [m.item(dearer, 1, at + 60, number=9)], sub=f"{m.sub}_2")


@life(
    right(
        "2026-05-20 new 20.00", "2026-06-05 churn -20.00", "2026-06-10 reactivation 20.00", causes=("start", "unpaid", "recovered")
    ),
    invoices=None,
    listings=None,
)
def unpaid_and_recovered(m: Maker) -> None:
    """Past due in May, unpaid on 5 June, paid on the 10th."""
    paying(m)
    m.change(noon("2026-05-25"), status="past_due")
    m.change(noon("2026-06-05"), status="unpaid")
    m.change(noon("2026-06-10"), status="active")


@life(
    right(
        "2026-05-20 new 20.00", "2026-05-25 churn -20.00", "2026-06-05 reactivation 20.00", causes=("start", "paused", "resumed")
    ),
    invoices=None,
    listings=None,
)
def collection_paused_and_resumed(m: Maker) -> None:
    """Void from the 25th until 5 June."""
    paying(m)
    m.change(noon("2026-05-25"), pause_collection={"behavior": "void", "resumes_at": noon("2026-06-05")})
    m.change(noon("2026-06-05"), pause_collection=None)


@life(right("2026-05-20 new 20.00", "2026-05-25 churn -20.00", causes=("start", "paused")), invoices=None, listings=None)
def ended_while_paused(m: Maker) -> None:
    """Its end is no second loss."""
    paying(m)
    m.change(noon("2026-05-25"), pause_collection={"behavior": "void", "resumes_at": None})
    m.account.end(m.sub, noon("2026-06-05"))


@life(right("2026-06-05 new 20.00", causes=("trial_converted",)))
def a_trial_that_was_moved(m: Maker) -> None:
    """Until 1 June at first, until the 5th in the end."""
    price = m.price(2000)
    m.begin(MAY, [m.item(price, 1, MAY)], status="trialing", trial_start=MAY, trial_end=noon("2026-06-01"))
    m.bill([m.line(price, 1, MAY, end=noon("2026-06-01"), amount=0)], MAY, reason="subscription_create")
    m.change(noon("2026-05-28"), trial_end=noon("2026-06-05"))
    m.bill([m.line(price, 1, noon("2026-06-05"))], noon("2026-06-05"))
    m.change(noon("2026-06-05"), status="active")


@life(right("2026-05-21 new 20.00"), listings=None, invoices=None)
def paid_a_day_later(m: Maker) -> None:
    """Incomplete for a day."""
    price = m.price(2000)
    m.begin(MAY, [m.item(price, 1, MAY)], status="incomplete")
    m.bill([m.line(price, 1, MAY)], MAY, reason="subscription_create", moments={"paid_at": noon("2026-05-21")})
    m.change(noon("2026-05-21"), status="active")


@life(right("2026-05-20 new 20.00", "2026-06-10 churn -20.00", causes=("start", "canceled_voluntary")))
def an_end_that_was_asked_for(m: Maker) -> None:
    """Asked for on 1 June for the 10th: it ends then."""
    paying(m)
    m.change(
        noon("2026-06-01"),
        cancel_at=noon("2026-06-10"),
        canceled_at=noon("2026-06-01"),
        cancellation_details={"comment": None, "feedback": "too_expensive", "reason": "cancellation_requested"},
    )
    m.account.end(m.sub, noon("2026-06-10"), canceled_at=noon("2026-06-01"))


@life(right("2026-05-20 new 50.00", "2026-06-05 contraction -30.00", causes=("start", "canceled_voluntary")), invoices=None)
def one_of_two_ends(m: Maker) -> None:
    """The customer stays with the other one."""
    paying(m)
    other = m.price(3000, "o")
    m.begin(MAY, [m.item(other, 1, MAY, number=9)], sub=f"{m.sub}_2")
    m.account.end(f"{m.sub}_2", noon("2026-06-05"))


@life(right("2026-05-20 new 20.00", says=True), listings_daily=None)
def paused_in_an_unknown_way(m: Maker) -> None:
    """Collection is paused by a behavior that nobody knows: it counts on, and that is said."""
    paying(m)
    m.change(noon("2026-06-01"), pause_collection={"behavior": "hold_in_escrow", "resumes_at": None})


@life(right("2026-05-20 new 20.00", "2026-06-05 churn -20.00", says=True))
def ended_for_an_unknown_reason(m: Maker) -> None:
    """A reason that nobody knows is said."""
    paying(m)
    m.account.end(m.sub, noon("2026-06-05"), reason="merchant_sold")
