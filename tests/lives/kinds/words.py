"""Causes and reasons: nothing is called a cancellation unless something says so, and no hole is seen where there is none."""

from tests.lives import objects
from tests.lives.maker import Maker
from tests.lives.objects import later, noon
from tests.lives.registry import life, right

CANCELED = ("canceled_voluntary", "canceled_involuntary")
LONG_AGO = noon("2026-02-01")


@life(
    right("2026-05-20 new 40.00", "2026-06-01 churn -40.00", causes=("start", "status_unknown"), says=True),
    invoices=right("2026-05-20 new 40.00", "2026-06-15 churn -40.00", never=CANCELED),
    invoices_daily=right("2026-05-20 new 40.00", "2026-06-01 churn -40.00", never=CANCELED),
    listings_daily=right("2026-05-20 new 40.00", "2026-06-01 churn -40.00", causes=("start", "status_unknown"), says=True),
    listings_once=None,  # from when on it was so is known to nobody
)
def a_status_that_nobody_knows(m: Maker) -> None:
    """Out, but not canceled."""
    start = noon("2026-05-20")
    price = m.price(2000)
    m.begin(start, [m.item(price, 2, start)])
    m.cycles(start, start, [(price, 2)])
    m.change(noon("2026-06-01"), status="held_by_bank")


@life(right("2026-02-01 new 40.00", "2026-05-20 churn -40.00", causes=("start", "canceled_by_policy")))
def ended_by_a_retention_policy(m: Maker) -> None:
    """Neither the customer's wish nor a failed payment."""
    price = m.price(2000)
    m.begin(LONG_AGO, [m.item(price, 2, LONG_AGO)], told=False)
    m.cycles(LONG_AGO, noon("2026-05-01"), [(price, 2)], told=False)
    m.account.end(m.sub, noon("2026-05-20"), reason="canceled_by_retention_policy")


def paying_since_february(m: Maker) -> None:
    """100.00, with invoices until May."""
    price = m.price(10000)
    m.begin(LONG_AGO, [m.item(price, 1, LONG_AGO)], told=False)
    m.cycles(LONG_AGO, noon("2026-05-01"), [(price, 1)], told=False)


_FREE = right("2026-02-01 new 100.00", "2026-05-20 churn -100.00", causes=("start", "trial"))


@life(_FREE, events=None, listings=None, invoices=right("2026-02-01 new 100.00", "2026-05-20 churn -100.00", never=CANCELED))
def a_free_month_by_a_trial(m: Maker) -> None:
    """Who paid is put on a trial: out for as long, and nobody canceled."""
    paying_since_february(m)
    m.change(noon("2026-05-20"), status="trialing", trial_start=noon("2026-05-20"), trial_end=noon("2026-06-20"))


_BACK = right(
    *("2026-02-01 new 100.00", "2026-05-20 churn -100.00", "2026-06-03 reactivation 100.00"),
    causes=("start", "trial", "trial_converted"),
)


@life(
    _BACK,
    events=None,
    listings=None,
    invoices=right("2026-02-01 new 100.00", "2026-05-20 churn -100.00", "2026-06-03 reactivation 100.00", never=CANCELED),
)
def a_free_fortnight_and_back(m: Maker) -> None:
    """Likewise, and the trial is over."""
    paying_since_february(m)
    m.change(noon("2026-05-20"), status="trialing", trial_start=noon("2026-05-20"), trial_end=noon("2026-06-03"))
    m.change(noon("2026-06-03"), status="active")


@life(right(), everything_daily=None, invoices_daily=None, events_daily=None, listings_daily=None)
def still_trialing_after_its_end(m: Maker) -> None:
    """Listed on the 15th as on trial until the 10th: Stripe is late, and nobody converted or left."""
    start = noon("2026-05-20")
    price = m.price(10000)
    m.begin(start, [m.item(price, 1, start)], told=False, status="trialing", trial_start=start, trial_end=noon("2026-06-10"))


@life(right("2024-03-10 new 80.00", never=("gap",)))
def a_year_and_the_next(m: Maker) -> None:
    """Yearly cycles, a year apart."""
    start = noon("2024-03-10")
    price = m.price(96000, interval="year")
    m.begin(start, [m.item(price, 1, start)], told=False)
    m.cycles(start, noon("2026-06-01"), [(price, 1)], told=False)


@life(
    right("2025-01-01 new 80.00", "2025-03-10 expansion 20.00", never=("gap",)),
    events=right("2025-01-01 new 100.00"),
    listings=right("2025-01-01 new 100.00"),
)
def from_year_to_month(m: Maker) -> None:
    """The other way round: the rest of the year is credited, and months follow."""
    start, swap = noon("2025-01-01"), noon("2025-03-10")
    year, month = m.price(96000, "y", interval="year"), m.price(10000, "m")
    m.begin(start, [m.item(month, 1, swap)], told=False, billing_cycle_anchor=swap)
    m.bill([m.line(year, 1, start)], start, reason="subscription_create", told=False)
    credit = m.line(year, 1, swap, end=later(start, 12), amount=-78000, proration=True, credited=["il_x"])
    debit = m.line(month, 1, swap, proration=True)
    m.bill([credit, debit], swap, reason="subscription_update", told=False)
    m.cycles(later(swap, 1), noon("2026-06-01"), [(month, 1)], went_on=True, told=False)


@life(
    right("2024-01-01 new 100.00", "2024-03-10 contraction -20.00", causes=("start", "plan"), marked=False, never=("gap",)),
    events=right("2024-01-01 new 80.00"),
    listings=right("2024-01-01 new 80.00"),
)
def a_change_of_interval_that_a_credit_dates(m: Maker) -> None:
    """The month is credited, and beside it stands the plain line of the year: both date it."""
    start, swap = noon("2024-01-01"), noon("2024-03-10")
    month, year = m.price(10000, "m"), m.price(96000, "y", interval="year")
    m.begin(start, [m.item(year, 1, later(swap, 24))], told=False, billing_cycle_anchor=swap)
    m.cycles(start, noon("2024-03-01"), [(month, 1)], told=False)
    credit = m.line(month, 1, swap, end=noon("2024-04-01"), amount=-7000, proration=True, credited=["il_x"], of_item=True)
    m.bill([credit, m.line(year, 1, swap)], swap, reason="subscription_update", told=False)
    m.cycles(later(swap, 12), noon("2026-06-01"), [(year, 1)], went_on=True, told=False)


@life(
    right("2026-02-01 new 80.00", "2026-04-01 expansion 20.00", causes=("start", "discount_end"), marked=True),
    events=right("2026-02-01 new 100.00"),
    listings=right("2026-02-01 new 100.00"),
)
def a_discount_taken_off_by_hand(m: Maker) -> None:
    """20 % for ever on two invoices, none on the third: only the next cycle shows it."""
    price = m.price(10000)
    cut = m.discount(m.coupon(percent=20), LONG_AGO)
    m.begin(LONG_AGO, [m.item(price, 1, LONG_AGO)], told=False)
    for number in range(5):
        at, held = later(LONG_AGO, number), [cut] if number < 2 else []
        line = m.line(price, 1, at, off=[(each, 2000) for each in held])
        m.bill([line], at, discounts=held, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)


_PAUSED = right("2026-01-01 new 20.00", "2026-03-01 churn -20.00", causes=("start", "paused"), marked=True)


def paused_long_ago(m: Maker, behavior: str, status: str, moment: str) -> None:
    """Two paid months, then cycles that nobody has to pay; the pause itself is older than all events."""
    start = noon("2026-01-01")
    price = m.price(2000)
    m.begin(start, [m.item(price, 1, start)], told=False)
    for number in range(6):
        at, paid = later(start, number), number < 2
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill(
            [m.line(price, 1, at)],
            at,
            status="paid" if paid else status,
            moments=None if paid else {moment: at},
            reason=reason,
            told=False,
        )
    m.change(noon("2026-02-10"), pause_collection={"behavior": behavior, "resumes_at": None}, told=False)


@life(_PAUSED, events=None, listings=None)
def paused_with_void_long_ago(m: Maker) -> None:
    """Dated by the first cycle that was voided."""
    paused_long_ago(m, "void", "void", "voided_at")


@life(_PAUSED, events=None, listings=None)
def paused_as_uncollectible_long_ago(m: Maker) -> None:
    """Dated by the first cycle that was marked uncollectible."""
    paused_long_ago(m, "mark_uncollectible", "uncollectible", "marked_uncollectible_at")


@life(right("2026-02-01 new 20.00"))
def customer_expanded_in_an_event(m: Maker) -> None:
    """The same customer as an object: no second customer, and no gap between."""
    price = m.price(2000)
    m.begin(LONG_AGO, [m.item(price, 1, LONG_AGO)], told=False)
    m.cycles(LONG_AGO, noon("2026-06-01"), [(price, 1)], told=False)
    after = m.change(noon("2026-06-05"), metadata={"team": "blue"}, told=False)
    m.account.tell(
        "customer.subscription.updated", after | {"customer": objects.customer(m.customer)}, noon("2026-06-05"), {"metadata": {}}
    )


@life(right("2026-02-01 new 20.00"))
def customer_by_its_account_in_an_event(m: Maker) -> None:
    """The event names only the customer's account; the list names both."""
    price = m.price(2000)
    m.begin(LONG_AGO, [m.item(price, 1, LONG_AGO)], told=False, customer_account=f"acct_{m.name}")
    m.cycles(LONG_AGO, noon("2026-06-01"), [(price, 1)], told=False)
    after = m.change(noon("2026-06-05"), metadata={"team": "blue"}, told=False)
    m.account.tell("customer.subscription.updated", after | {"customer": None}, noon("2026-06-05"), {"metadata": {}})


@life(
    right("2026-02-01 new 20.00", "2026-05-20 churn -20.00"),
    listings_daily=right("2026-02-01 new 20.00", "2026-05-20 churn -20.00"),
)
def billed_far_ahead_and_ended(m: Maker) -> None:
    """Ten months were billed on the first day: they don't stretch the life."""
    price = m.price(2000)
    m.begin(LONG_AGO, [m.item(price, 1, LONG_AGO)], told=False, billed_until=noon("2026-12-01"))
    m.bill([m.line(price, 1, later(LONG_AGO, number)) for number in range(10)], LONG_AGO, reason="subscription_create", told=False)
    m.account.end(m.sub, noon("2026-05-20"))


@life(right("2026-02-01 new 20.00", never=("gap",)))
def billed_ahead_at_another_price(m: Maker) -> None:
    """What is billed for July is no news in June."""
    price, dearer = m.price(2000), m.price(9000, "b")
    m.begin(LONG_AGO, [m.item(price, 1, LONG_AGO)], told=False, billed_until=noon("2026-12-01"))
    lines = [m.line(price if number < 5 else dearer, 1, later(LONG_AGO, number)) for number in range(10)]
    m.bill(lines, LONG_AGO, reason="subscription_create", told=False)


@life(right("2026-02-01 new 50.00"))
def two_and_a_half_seats(m: Maker) -> None:
    """`quantity` is cut to whole numbers where `quantity_decimal` isn't one."""
    price = m.price(2000)
    m.begin(LONG_AGO, [m.item(price, 2, LONG_AGO, quantity_decimal="2.5")], told=False)
    for number in range(5):
        at = later(LONG_AGO, number)
        line = m.line(price, 2, at, amount=5000) | {"quantity_decimal": "2.5"}
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)


@life(
    right(
        "2026-02-01 new 60.00",
        "2026-04-01 contraction -40.00",
        "2026-05-01 expansion 40.00",
        causes=("start", "removed_product", "addon"),
        marked=True,
        never=("gap",),
    ),
    events=None,
    listings=None,
)
def an_item_that_one_cycle_lacks(m: Maker) -> None:
    """Of two items one isn't billed in April: it is booked as gone and back, *inferred*, so nobody says that MRR is held."""
    start = noon("2026-02-01")
    first, second = m.price(2000, "a"), m.price(4000, "b")
    m.begin(start, [m.item(first, 1, start), m.item(second, 1, start, number=2)], told=False)
    for number in range(5):
        at = later(start, number)
        lines = [m.line(first, 1, at), *([] if number == 2 else [m.line(second, 1, at, item=2)])]
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
