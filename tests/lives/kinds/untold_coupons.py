"""Discounts that don't say by which coupon: of unknown terms, unless something else tells them. They take nothing off, and that is said."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
FULL = right("2026-02-01 new 80.00", says=True)
HALF = right("2026-02-01 new 40.00", never=("unknown_coupon",))


def silent(cut: JSON) -> JSON:
    """A discount that is there and doesn't say what it takes off."""
    return cut | {"source": {"type": "coupon", "coupon": None}}


def by_code(cut: JSON) -> JSON:
    """A discount whose promotion code alone, expanded by whoever answers, says the coupon."""
    code = {"id": "promo_1", "object": "promotion_code", "promotion": {"type": "coupon", "coupon": cut["source"]["coupon"]}}
    return silent(cut) | {"promotion_code": code}


def billed(m: Maker, price: JSON, cut: JSON, *, own: bool = False) -> None:
    """Five months of invoices from which the discount takes half."""
    for number in range(5):
        at = later(START, number)
        line = m.line(price, 1, at, off=[(cut, 4000)], own=[cut] if own else [])
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill([line], at, discounts=[] if own else [cut], reason=reason, told=False)


@life(HALF, listings=FULL, events=FULL)
def untold_on_a_customer_and_told_by_invoices(m: Maker) -> None:
    """A customer's discount names no coupon; the same discount on the invoices does."""
    price = m.price(8000)
    cut = m.discount(m.coupon(percent=50), START, on="customer")
    m.who(discount=silent(cut))
    m.begin(START, [m.item(price, 1, START)], told=False)
    billed(m, price, cut)


@life(FULL)
def untold_on_a_customer(m: Maker) -> None:
    """Nothing names the coupon of a customer's discount."""
    price = m.price(8000)
    cut = silent(m.discount(m.coupon(percent=50), START, on="customer"))
    m.who(discount=cut)
    m.begin(START, [m.item(price, 1, START)], told=False)
    billed(m, price, cut)


@life(FULL)
def untold_on_a_subscription(m: Maker) -> None:
    """Nor that of a subscription's."""
    price = m.price(8000)
    cut = silent(m.discount(m.coupon(percent=50), START))
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[cut])
    billed(m, price, cut)


@life(FULL)
def untold_on_an_item(m: Maker) -> None:
    """Nor that of an item's."""
    price = m.price(8000)
    cut = silent(m.discount(m.coupon(percent=50), START, on=m.item_id(1)))
    m.begin(START, [m.item(price, 1, START, discounts=[cut])], told=False)
    billed(m, price, cut, own=True)


@life(FULL)
def without_a_source_or_an_id(m: Maker) -> None:
    """As versions of old gave it: no id, and here neither coupon nor start."""
    price = m.price(8000)
    m.who(discount={"object": "discount", "customer": m.customer})
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)


@life(FULL, everything_daily=HALF, events_daily=HALF, invoices_daily=HALF, listings_daily=HALF)
def told_once_and_no_more(m: Maker) -> None:
    """A customer's discount without an id, which named its coupon in May and doesn't in June: the same start, the same discount."""
    price = m.price(8000)
    cut = m.discount(m.coupon(percent=50), START, on="customer") | {"id": None}
    who = m.who(discount=cut)
    m.account.put("customers", who | {"discount": silent(cut)}, noon("2026-06-04"))
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)


@life(HALF)
def coupon_of_a_promotion_code(m: Maker) -> None:
    """A subscription's discount says its coupon by the promotion code alone."""
    price = m.price(8000)
    cut = m.discount(m.coupon(percent=50), START)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[by_code(cut)])
    billed(m, price, by_code(cut))


@life(HALF)
def coupon_by_its_id_alone(m: Maker) -> None:
    """A customer's discount names its coupon by the id: the list of coupons has it."""
    price, coupon = m.price(8000), m.coupon(percent=50)
    cut = m.discount(coupon, START, on="customer")
    cut = cut | {"source": {"type": "coupon", "coupon": coupon["id"]}}
    m.who(discount=cut)
    m.begin(START, [m.item(price, 1, START)], told=False)
    billed(m, price, cut)


def planning(m: Maker, *, discounts: list[JSON], own: list[JSON]) -> None:
    """80.00 that a schedule will lower from July on."""
    price = m.price(8000)
    phase = {"start_date": noon("2026-07-01"), "end_date": noon("2026-12-01"), "currency": "usd", "discounts": discounts}
    phase |= {"items": [{"price": price["id"], "quantity": 1, "discounts": own}], "trial_end": None}
    plan = {"id": f"sub_sched_{m.name}", "object": "subscription_schedule", "status": "active", "end_behavior": "release"}
    m.begin(START, [m.item(price, 1, START)], told=False, schedule=plan | {"phases": [phase], "pause_schedules": None})
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)


UNTOLD = {"coupon": None, "discount": None, "promotion_code": "promo_1"}


@life(FULL)
def planned_by_a_code_that_tells_nothing(m: Maker) -> None:
    """A phase to come brings a discount by a promotion code, of which nothing tells the coupon."""
    planning(m, discounts=[UNTOLD], own=[])


@life(FULL)
def planned_for_an_item_without_a_coupon(m: Maker) -> None:
    """So does an item of a phase."""
    planning(m, discounts=[], own=[UNTOLD | {"promotion_code": None}])


@life(FULL)
def planned_by_a_discount_that_nothing_describes(m: Maker) -> None:
    """A phase to come brings a discount by its id, and nothing has one of that id."""
    planning(m, discounts=[UNTOLD | {"promotion_code": None, "discount": "di_nobodys"}], own=[])


@life(right("2026-02-01 new 40.00", says=True))
def months_without_a_number(m: Maker) -> None:
    """For some months, and neither for how many nor until when: it is taken off while it is there, and that is said."""
    price = m.price(8000)
    coupon = m.coupon(percent=50, duration="repeating", months=3)
    m.account.put("coupons", coupon | {"duration_in_months": None})
    cut = m.discount(coupon | {"duration_in_months": None}, START)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[cut])
    billed(m, price, cut)


def billed_once_less(m: Maker, cut: JSON) -> JSON:
    """Five months at 80.00, from the third of which alone something is taken; the discount is on no object any more."""
    price = m.price(8000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    for number in range(5):
        at = later(START, number)
        off = [(cut, 4000)] if number == 2 else []
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill([m.line(price, 1, at, off=off, own=[cut] if off else [])], at, reason=reason, told=False)
    return price


@life(FULL, listings=right("2026-02-01 new 80.00"), events=right("2026-02-01 new 80.00"))
def nameless_in_the_middle(m: Maker) -> None:
    """One invoice in the middle has a discount of which nobody says anything: it is not before that, and it is named."""
    billed_once_less(m, silent(m.discount(m.coupon(percent=50, listed=False), 0)))


@life(
    right("2026-02-01 new 80.00", "2026-04-01 contraction -40.00", "2026-05-01 expansion 40.00", marked=True),
    listings=right("2026-02-01 new 80.00"),
    events=right("2026-02-01 new 80.00"),
)
def without_a_start_in_the_middle(m: Maker) -> None:
    """Half off on one invoice in the middle, by a discount that names its coupon and not its start: it begins there."""
    cut = m.discount(m.coupon(percent=50), 0)
    billed_once_less(m, cut | {"start": None})
