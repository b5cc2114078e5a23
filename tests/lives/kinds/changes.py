"""Changes by lines alone in which several rules meet: billed ahead, waiting, voided, prorations of every sort."""

from tests.lives.maker import Maker
from tests.lives.objects import later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
_INVOICED = {"events": None, "listings": None}
"""Only invoices tell of it."""


@life(right("2026-01-15 new 40.00", "2026-01-25 contraction -20.00", causes=("start", "quantity")), events=None, listings=None)
def fewer_within_what_is_billed_ahead(m: Maker) -> None:
    """Three months of two seats are billed; ten days later one goes: a pair for the month and one for each to come."""
    price, start, at = m.price(2000), noon("2026-01-15"), noon("2026-01-25")
    m.begin(start, [m.item(price, 1, later(start, 4))], told=False)
    m.bill([m.line(price, 2, later(start, n)) for n in range(3)], start, reason="subscription_create", told=False)
    lines = m.pair(at, later(start, 1), (price, 2), (price, 1))
    for n in (1, 2):
        lines += m.pair(later(start, n), later(start, n + 1), (price, 2), (price, 1))
    m.bill(lines, at, reason="subscription_update", told=False)
    for n in (3, 4):
        m.bill([m.line(price, 1, later(start, n))], later(start, n), told=False)


@life(right("2026-01-15 new 20.00", "2026-06-05 churn -20.00", causes=("start", "canceled_voluntary")))
def given_back_at_the_end(m: Maker) -> None:
    """A year of months is billed ahead; canceled on 5 June, and each month to come is credited."""
    price, start, at = m.price(2000), noon("2026-01-15"), noon("2026-06-05")
    m.begin(start, [m.item(price, 1, start, billed_until=later(start, 12))], told=False)
    m.bill([m.line(price, 1, later(start, n)) for n in range(12)], start, reason="subscription_create", told=False)
    m.account.end(m.sub, at)
    lines = [m.line(price, 1, at, end=later(start, 5), amount=-700, proration=True, credited=["il_x"], of_item=True)]
    lines += [
        m.line(price, 1, later(start, n), end=later(start, n + 1), amount=-2000, proration=True, credited=["il_x"], of_item=True)
        for n in range(5, 12)
    ]
    m.bill(lines, at, reason="manual")


@life(
    right("2026-02-01 new 20.00", "2026-06-07 expansion 80.00", causes=("start", "plan")),
    invoices=right("2026-02-01 new 20.00", "2026-06-05 expansion 80.00"),
    invoices_daily=None,
    events=None,
    listings=None,
)
def paid_two_days_later(m: Maker) -> None:
    """An update waits from the 5th and is paid on the 7th: events say that the large plan began then."""
    small, large = m.price(2000, "s"), m.price(10000, "l")
    m.begin(START, [m.item(small, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(small, 1)], told=False)
    asked, paid = noon("2026-06-05"), noon("2026-06-07")
    m.bill(
        m.pair(asked, noon("2026-07-01"), (small, 1), (large, 1)), asked, reason="subscription_update", moments={"paid_at": paid}
    )
    m.change(asked, pending_update={"expires_at": asked + 82_800, "subscription_items": None, "trial_end": None})
    m.change(paid, lambda sub: sub["items"]["data"][0].update(price=large), pending_update=None)


@life(right("2026-02-01 new 20.00"), **_INVOICED)
def two_asked_and_none_paid(m: Maker) -> None:
    """Two upgrades in one cycle, each voided unpaid; the next cycle bills the small plan."""
    small, large, huge = m.price(2000, "s"), m.price(10000, "l"), m.price(30000, "h")
    m.begin(START, [m.item(small, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(small, 1)], told=False)
    for at, new in ((noon("2026-04-05"), large), (noon("2026-04-15"), huge)):
        m.bill(
            m.pair(at, noon("2026-05-01"), (small, 1), (new, 1)),
            at,
            status="void",
            moments={"voided_at": at + 82_800},
            reason="subscription_update",
            told=False,
        )


@life(right("2026-02-01 new 20.00", "2026-04-15 expansion 280.00", causes=("start", "plan")), **_INVOICED)
def the_second_is_paid(m: Maker) -> None:
    """The first is voided, the second paid: its credit names the small plan."""
    small, large, huge = m.price(2000, "s"), m.price(10000, "l"), m.price(30000, "h")
    m.begin(START, [m.item(huge, 1, START)], told=False)
    m.cycles(START, noon("2026-04-01"), [(small, 1)], told=False)
    at = noon("2026-04-05")
    m.bill(
        m.pair(at, noon("2026-05-01"), (small, 1), (large, 1)),
        at,
        status="void",
        moments={"voided_at": at + 82_800},
        reason="subscription_update",
        told=False,
    )
    at = noon("2026-04-15")
    m.bill(m.pair(at, noon("2026-05-01"), (small, 1), (huge, 1)), at, reason="subscription_update", told=False)
    m.cycles(noon("2026-05-01"), noon("2026-06-01"), [(huge, 1)], went_on=True, told=False)


@life(right("2026-02-01 new 20.00"), **_INVOICED)
def an_addition_voided(m: Maker) -> None:
    """An add-on whose invoice was voided unpaid never came."""
    small, more, at = m.price(2000, "s"), m.price(5000, "m"), noon("2026-04-05")
    m.begin(START, [m.item(small, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(small, 1)], told=False)
    m.bill(
        [m.line(more, 1, at, item=2, amount=4300, end=noon("2026-05-01"), proration=True, of_item=True)],
        at,
        status="void",
        reason="subscription_update",
        told=False,
    )


@life(right("2026-02-01 new 20.00", or_=()), **_INVOICED)
def month_to_year_voided(m: Maker) -> None:
    """A year instead of the month, whose invoice was voided unpaid; months go on."""
    month, year, at = m.price(2000, "s"), m.price(18000, "y", interval="year"), noon("2026-04-05")
    m.begin(START, [m.item(month, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(month, 1)], told=False)
    credit = m.line(month, 1, at, end=noon("2026-05-01"), amount=-1700, proration=True, credited=["il_x"], of_item=True)
    m.bill([credit, m.line(year, 1, at)], at, status="void", reason="subscription_update", told=False)


@life(
    right("2026-02-01 new 20.00", "2026-04-10 churn -20.00", "2026-05-10 reactivation 20.00", causes=("start", "plan", "plan")),
    **_INVOICED,
)
def free_for_a_month(m: Maker) -> None:
    """Down to a free plan by a pair, and back: nobody canceled anything."""
    paid, free = m.price(2000, "p"), m.price(0, "f")
    m.begin(START, [m.item(paid, 1, START)], told=False)
    m.cycles(START, noon("2026-04-01"), [(paid, 1)], told=False)
    at, back = noon("2026-04-10"), noon("2026-05-10")
    m.bill(m.pair(at, noon("2026-05-01"), (paid, 1), (free, 1)), at, reason="subscription_update", told=False)
    m.bill([m.line(free, 1, noon("2026-05-01"))], noon("2026-05-01"), told=False)
    m.bill(m.pair(back, noon("2026-06-01"), (free, 1), (paid, 1)), back, reason="subscription_update", told=False)
    m.bill([m.line(paid, 1, noon("2026-06-01"))], noon("2026-06-01"), told=False)


@life(right("2026-02-01 new 20.00", "2026-03-10 expansion 60.00", causes=("start", "plan"), never=("gap",)), **_INVOICED)
def another_item_for_a_year(m: Maker) -> None:
    """The month's item goes and a year's comes, in one second, by prorations of the older kind."""
    month, year, at = m.price(2000, "m"), m.price(96000, "y", interval="year"), noon("2026-03-10")
    m.begin(START, [m.item(year, 1, at, number=2)], told=False)
    m.cycles(START, noon("2026-03-01"), [(month, 1)], told=False)
    credit = m.line(month, 1, at, end=noon("2026-04-01"), amount=-1400, proration=True, credited=["il_x"], of_item=True)
    debit = m.line(year, 1, at, item=2, proration=True, of_item=True)
    m.bill([credit, debit], at, reason="subscription_update", told=False)


@life(right("2026-02-01 new 30.00", "2026-04-10 contraction -10.00", causes=("start", "removed_product")), **_INVOICED)
def one_of_two_alike_goes(m: Maker) -> None:
    """Two items of two products at one amount; the second goes by a credit of the older kind, which names no item."""
    a, b, at = m.price(2000, "a"), m.price(1000, "b"), noon("2026-04-10")
    m.begin(START, [m.item(a, 1, START)], told=False)
    m.cycles(START, noon("2026-04-01"), [(a, 1), (b, 1)], told=False)
    m.bill(
        [m.line(b, 1, at, item=2, end=noon("2026-05-01"), amount=-700, proration=True, credited=["il_x"])],
        at,
        reason="subscription_update",
        told=False,
    )
    m.cycles(noon("2026-05-01"), noon("2026-06-01"), [(a, 1)], went_on=True, told=False)


@life(right("2026-02-01 new 20.00", "2026-03-01 expansion 20.00", causes=("start", "quantity")), **_INVOICED)
def a_pair_in_the_second_of_a_cycle(m: Maker) -> None:
    """The change falls on the renewal's very second: the cycle bills two."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 2, START)], told=False)
    m.bill([m.line(price, 1, START)], START, reason="subscription_create", told=False)
    m.cycles(noon("2026-03-01"), noon("2026-06-01"), [(price, 2)], went_on=True, told=False)


@life(
    right(
        "2026-02-01 new 20.00",
        "2026-03-15 expansion 20.00",
        "2026-03-25 contraction -20.00",
        causes=("start", "quantity", "quantity"),
    ),
    **_INVOICED,
)
def up_and_down_in_one_cycle_on_one_bill(m: Maker) -> None:
    """Two changes wait for the next invoice, which bills both pairs beside the cycle."""
    price, up, down = m.price(2000), noon("2026-03-15"), noon("2026-03-25")
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-03-01"), [(price, 1)], told=False)
    lines = [
        *m.pair(up, noon("2026-04-01"), (price, 1), (price, 2)),
        *m.pair(down, noon("2026-04-01"), (price, 2), (price, 1)),
        m.line(price, 1, noon("2026-04-01")),
    ]
    m.bill(lines, noon("2026-04-01"), told=False)
    m.cycles(noon("2026-05-01"), noon("2026-06-01"), [(price, 1)], went_on=True, told=False)


@life(right("2026-02-01 new 20.00", "2026-03-10 expansion 30.00", causes=("start", "plan")), **_INVOICED)
def the_cycle_starts_anew(m: Maker) -> None:
    """Another plan with its cycle from that day: the month is credited, and the new one billed whole."""
    small, large, at = m.price(2000, "s"), m.price(5000, "l"), noon("2026-03-10")
    m.begin(START, [m.item(large, 1, at)], told=False, billing_cycle_anchor=at)
    m.cycles(START, noon("2026-03-01"), [(small, 1)], told=False)
    credit = m.line(small, 1, at, end=noon("2026-04-01"), amount=-1400, proration=True, credited=["il_x"])
    m.bill([credit, m.line(large, 1, at)], at, reason="subscription_update", told=False)
    m.cycles(noon("2026-04-10"), noon("2026-06-10"), [(large, 1)], went_on=True, told=False)


@life(
    right("2026-02-01 new 20.00", "2026-06-03 expansion 80.00"),
    everything_once=None,
    invoices_once=right("2026-02-01 new 20.00", "2026-05-20 expansion 80.00"),
    events=None,
    listings=None,
    everything_daily=None,
)
def waiting_while_it_is_listed_twice(m: Maker) -> None:
    """Open since 20 May, listed as it was on the 25th and on 1 June, paid on the 3rd: it was the small plan until then."""
    small, large = m.price(2000, "s"), m.price(10000, "l")
    m.begin(START, [m.item(small, 1, START)], told=False)
    m.cycles(START, noon("2026-05-01"), [(small, 1)], told=False)
    asked, paid = noon("2026-05-20"), noon("2026-06-03")
    m.bill(
        m.pair(asked, noon("2026-06-01"), (small, 1), (large, 1)),
        asked,
        reason="subscription_update",
        moments={"paid_at": paid},
        told=False,
    )
    m.change(asked, pending_update={"expires_at": paid + 9, "subscription_items": None, "trial_end": None}, told=False)
    m.change(paid, lambda sub: sub["items"]["data"][0].update(price=large), pending_update=None, told=False)


@life(right("2026-01-15 new 20.00", "2026-03-01 expansion 30.00", causes=("start", "plan")), **_INVOICED)
def another_plan_within_what_is_billed_ahead(m: Maker) -> None:
    """Half a year is billed by one line; from March another plan, by a pair that reaches as far."""
    small, large, start, at = m.price(2000, "s"), m.price(5000, "l"), noon("2026-01-15"), noon("2026-03-01")
    m.begin(start, [m.item(large, 1, start, billed_until=later(start, 6))], told=False)
    m.bill([m.line(small, 1, start, end=later(start, 6), amount=12000)], start, reason="subscription_create", told=False)
    m.bill(m.pair(at, later(start, 6), (small, 1), (large, 1)), at, reason="subscription_update", told=False)


@life(
    right("2025-09-01 new 50.00", "2026-03-01 expansion 30.00", causes=("start", "quantity"), marked=False),
    events=None,
    listings=None,
)
def pending_items_billed_and_voided(m: Maker) -> None:
    """A pair of March waited for an invoice, which was voided in May; the seats are there all the same."""
    start, at = noon("2025-09-01"), noon("2026-03-01")
    price = m.price(12000, interval="year")
    m.begin(start, [m.item(price, 8, start)], told=False)
    m.bill([m.line(price, 5, start)], start, reason="subscription_create", told=False)
    m.bill(m.pair(at, later(start, 12), (price, 5), (price, 8)), noon("2026-05-01"), status="void", reason="manual", told=False)


@life(
    right(
        "2026-02-01 new 20.00", "2026-03-10 expansion 20.00", "2026-03-20 expansion 20.00", causes=("start", "quantity", "quantity")
    ),
    **_INVOICED,
)
def credits_split_over_what_they_take_back(m: Maker) -> None:
    """One, two, three seats; the second change gives back in two lines what two lines had billed."""
    price, one, two, end = m.price(2000), noon("2026-03-10"), noon("2026-03-20"), noon("2026-04-01")
    m.begin(START, [m.item(price, 3, START)], told=False)
    m.cycles(START, noon("2026-03-01"), [(price, 1)], told=False)
    m.bill(m.pair(one, end, (price, 1), (price, 2)), one, reason="subscription_update", told=False)
    back = [
        m.line(price, 1, two, end=end, amount=-700, proration=True, credited=["il_a"], of_item=True),
        m.line(price, 2, two, end=end, amount=-1400, proration=True, credited=["il_b"], of_item=True),
        m.line(price, 3, two, end=end, amount=2100, proration=True, of_item=True),
    ]
    m.bill(back, two, reason="subscription_update", told=False)
    m.cycles(end, noon("2026-06-01"), [(price, 3)], went_on=True, told=False)


@life(
    right("2026-01-01 new 50.00", "2026-03-01 expansion 30.00", "2026-06-10 contraction -30.00", marked=True),
    everything_daily=None,
    invoices=right("2026-01-01 new 50.00", "2026-03-01 expansion 30.00", "2026-06-15 contraction -30.00", marked=True),
    invoices_daily=None,
    listings=right("2026-01-01 new 50.00"),
    events=right("2026-01-01 new 50.00"),
)
def went_back_before_the_first_event(m: Maker) -> None:
    """Three seats came in March and went again without a trace; the first event that is kept is about a label, and has five."""
    start, at = noon("2026-01-01"), noon("2026-03-01")
    price = m.price(12000, interval="year")
    m.begin(start, [m.item(price, 5, start)], told=False)
    m.bill([m.line(price, 5, start)], start, reason="subscription_create", told=False)
    m.bill(m.pair(at, later(start, 12), (price, 5), (price, 8)), at, reason="subscription_update", told=False)
    m.change(noon("2026-06-10"), metadata={"team": "blue"})
