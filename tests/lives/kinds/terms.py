"""One id for two objects, and terms that aren't told: what is attached keeps its own terms, and not told is not without limit."""

from tests.lives import objects
from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
REMADE = noon("2026-04-01")


def half_price(m: Maker, cut: JSON, prices: list[JSON], off: int, *, on_item: bool = False) -> None:
    """Five months of invoices in which a discount takes cents off the first price's line."""
    whole = [] if on_item else [cut]
    for number in range(5):
        at = later(START, number)
        first = m.line(prices[0], 1, at, off=[(cut, off)], own=[cut] if on_item else [])
        lines = [first, *(m.line(price, 1, at, item=n) for n, price in enumerate(prices[1:], 2))]
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill(lines, at, discounts=whole, reason=reason, told=False)


@life(right("2026-02-01 new 20.00"))
def plan_remade_dearer(m: Maker) -> None:
    """A plan was deleted and made again under its id at 30.00; who has the old one pays 20.00."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)
    m.account.put("prices", price | {"unit_amount": 3000, "unit_amount_decimal": "3000", "created": REMADE}, REMADE)


@life(right("2026-05-20 new 20.00"))
def plan_remade_between_events(m: Maker) -> None:
    """Likewise, with events before and after: each carries the price that it means."""
    start, remade = noon("2026-05-20"), noon("2026-06-01")
    price = m.price(2000)
    m.begin(start, [m.item(price, 1, start)])
    m.cycles(start, start, [(price, 1)])
    m.account.put("prices", price | {"unit_amount": 3000, "unit_amount_decimal": "3000", "created": remade}, remade)
    m.change(noon("2026-06-05"), metadata={"team": "blue"})


@life(right("2026-02-01 new 80.00"))
def coupon_remade_on_a_customer(m: Maker) -> None:
    """A customer's discount of 20 % keeps its terms when its coupon is made again with 50 %."""
    price, coupon = m.price(10000), m.coupon(listed=False, percent=20)
    m.account.put("coupons", coupon | {"percent_off": 50, "created": REMADE}, REMADE)
    cut = m.discount(coupon, START, on="customer")
    m.who(discount=cut)
    m.begin(START, [m.item(price, 1, START)], told=False)
    half_price(m, cut, [price], 2000)


@life(
    right("2026-02-01 new 80.00", "2026-05-01 expansion 50.00"),
    listings_daily=right("2026-02-01 new 80.00", "2026-05-01 expansion 50.00"),
)
def two_versions_of_a_coupon(m: Maker) -> None:
    """Two subscriptions of one customer, one with the coupon as it was (20 %), one with what was made under its id (50 %)."""
    price, coupon, second = m.price(10000), m.coupon(listed=False, percent=20), noon("2026-05-01")
    remade = coupon | {"percent_off": 50, "created": REMADE}
    m.account.put("coupons", remade, REMADE)
    cut = m.discount(coupon, START)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[cut])
    half_price(m, cut, [price], 2000)
    other = objects.discount(f"di_{m.name}_e", remade, second, customer=m.customer, subscription=f"{m.sub}_2")
    held = objects.item(m.item_id(9), price, 1, second, later(second, 1))
    m.begin(second, [held], told=False, sub=f"{m.sub}_2", discounts=[other])


@life(right("2026-05-20 new 80.00"))
def coupon_remade_in_events(m: Maker) -> None:
    """Events tell of the coupon's end and of the new one; the subscription still has the old one."""
    start, remade = noon("2026-05-20"), noon("2026-06-01")
    price, coupon = m.price(10000), m.coupon(percent=20)
    cut = m.discount(coupon, start)
    m.begin(start, [m.item(price, 1, start)], discounts=[cut])
    m.account.tell("customer.discount.created", cut, start)
    fresh = coupon | {"percent_off": 50, "created": remade}
    m.account.put("coupons", fresh, remade)
    m.account.tell("coupon.deleted", coupon, remade)
    m.account.tell("coupon.created", fresh, remade)
    m.bill([m.line(price, 1, start, off=[(cut, 2000)])], start, discounts=[cut], reason="subscription_create")
    m.change(noon("2026-06-05"), metadata={"team": "blue"})


@life(right("2026-02-01 new 110.00"))
def scope_of_a_deleted_coupon(m: Maker) -> None:
    """Half off one product (100.00), beside 60.00; the coupon is in no list any more."""
    first, second = m.price(10000, "a"), m.price(6000, "b")
    cut = m.discount(m.coupon(listed=False, products=[first], percent=50), START)
    m.begin(START, [m.item(first, 1, START), m.item(second, 1, START, number=2)], told=False, discounts=[cut])
    half_price(m, cut, [first, second], 5000)


@life(right("2026-02-01 new 110.00"))
def amount_off_of_a_deleted_coupon(m: Maker) -> None:
    """50.00 off one product only: the other one's share must not pay for it."""
    first, second = m.price(10000, "a"), m.price(6000, "b")
    cut = m.discount(m.coupon(listed=False, products=[first], off=5000), START)
    m.begin(START, [m.item(first, 1, START), m.item(second, 1, START, number=2)], told=False, discounts=[cut])
    half_price(m, cut, [first, second], 5000)


@life(right("2026-02-01 new 110.00"))
def scope_on_a_customer(m: Maker) -> None:
    """The same on the customer."""
    first, second = m.price(10000, "a"), m.price(6000, "b")
    cut = m.discount(m.coupon(listed=False, products=[first], percent=50), START, on="customer")
    m.who(discount=cut)
    m.begin(START, [m.item(first, 1, START), m.item(second, 1, START, number=2)], told=False)
    half_price(m, cut, [first, second], 5000)


@life(right("2026-02-01 new 110.00"))
def deleted_coupon_on_an_item(m: Maker) -> None:
    """The same on the item: a list of subscriptions gives the coupon as an id only."""
    first, second = m.price(10000, "a"), m.price(6000, "b")
    cut = m.discount(m.coupon(listed=False, products=[first], percent=50), START, on=m.item_id(1))
    m.begin(START, [m.item(first, 1, START, discounts=[cut]), m.item(second, 1, START, number=2)], told=False)
    half_price(m, cut, [first, second], 5000, on_item=True)


def odd_coupon(m: Maker, **odd: object) -> None:
    """100.00 with a coupon of half off that has something odd about it."""
    price, coupon = m.price(10000), m.coupon(percent=50)
    coupon.update(odd)
    m.account.put("coupons", coupon)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[m.discount(coupon, START)])


@life(right("2026-02-01 new 100.00", says=True))
def coupon_without_a_duration(m: Maker) -> None:
    """Nobody says for how long it holds: not for ever."""
    odd_coupon(m, duration=None)


@life(right("2026-02-01 new 100.00", says=True))
def coupon_for_a_service_period(m: Maker) -> None:
    """A duration that is none of those whose meaning is known."""
    odd_coupon(m, duration="service_period")


@life(right("2026-02-01 new 100.00", says=True))
def more_than_everything_off(m: Maker) -> None:
    """150 % off is no discount that can be: MRR isn't negative."""
    odd_coupon(m, percent_off=150)


@life(right("2026-02-01 new 100.00", says=True))
def less_than_nothing_off(m: Maker) -> None:
    """Nor is −20 %."""
    odd_coupon(m, percent_off=-20)


@life(right("2026-02-01 new 100.00", says=True))
def a_percentage_and_an_amount_off(m: Maker) -> None:
    """One of the two is wrong, and nobody says which."""
    odd_coupon(m, amount_off=1000, currency="usd")


@life(right("2026-02-01 new 20.00", never=("unknown_price",)))
def deleted_metered_tiers(m: Maker) -> None:
    """A metered price with tiers that is in no list: there is nothing to price."""
    price = m.price(2000)
    usage = objects.price(
        f"price_{m.name}_u", None, product_id=f"prod_{m.name}_u", usage="metered", tiers=[(10, 100, None), (None, 50, None)]
    )
    m.begin(START, [m.item(price, 1, START), m.item(usage, None, START, number=2)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)


@life(
    right("2026-02-01 new 80.00", "2026-06-05 contraction -50.00", causes=("start", "discount_change")),
    invoices=right("2026-02-01 new 80.00", "2026-06-05 contraction -50.00", causes=("start", "discount_change"), marked=True),
    invoices_daily=right("2026-02-01 new 80.00", "2026-06-05 contraction -50.00"),
    events=None,  # nothing says any more what the first coupon took off
    listings=None,
)
def discount_that_gives_way_to_another(m: Maker) -> None:
    """A coupon made again under its id takes the place of the first: who reads of it afterwards dates both by the second one's start."""
    price, coupon, moved = m.price(10000), m.coupon(listed=False, percent=20), noon("2026-06-05")
    fresh = coupon | {"percent_off": 70, "created": noon("2026-05-01")}
    m.account.put("coupons", fresh, noon("2026-05-01"))
    cut, after = m.discount(coupon, START), m.discount(fresh, moved, tag="e")
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[cut])
    half_price(m, cut, [price], 2000)
    m.account.tell("customer.discount.created", after, moved)
    m.change(moved, discounts=[after])


def moved_to_the_new_plan(m: Maker) -> None:
    """20.00, and since May 30.00 under the same id, which was made again in March."""
    old, remade = m.price(2000), noon("2026-03-15")
    new = old | {"unit_amount": 3000, "unit_amount_decimal": "3000", "created": remade}
    m.begin(START, [m.item(new, 1, START)], told=False)
    for number in range(5):
        at = later(START, number)
        line = m.line(old if number < 3 else new, 1, at)
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
    m.account.put("prices", new, remade)


@life(
    right("2026-02-01 new 20.00", "2026-05-01 expansion 10.00", causes=("start", "price"), marked=True), events=None, listings=None
)
def plan_remade_and_moved_to(m: Maker) -> None:
    """Somebody else still has the first object: lines that name the id alone are of the one whose amount they bill."""
    moved_to_the_new_plan(m)
    old = m.account.now("prices", f"price_{m.name}_a", START)
    held = objects.item(f"si_{m.name}_o", old, 1, START, later(START, 1))
    m.account.put("customers", objects.customer(f"{m.customer}_o"))
    m.account.put("subscriptions", objects.subscription(f"{m.sub}_o", [held], START, customer_id=f"{m.customer}_o"))


@life(
    right("2026-02-01 new 20.00", "2026-05-01 expansion 10.00", causes=("start", "price"), marked=True, says=True),
    events=right("2026-02-01 new 30.00", says=True),
    listings=right("2026-02-01 new 30.00", says=True),
    old_host=right("2026-02-01 new 20.00", "2026-05-01 expansion 10.00", causes=("start", "price")),  # lines carry their prices
)
def plan_remade_and_the_first_unseen(m: Maker) -> None:
    """Nobody has the first object any more: it is what its lines billed, and that is said; without them it counts as the new one."""
    moved_to_the_new_plan(m)


@life(
    right("2026-02-01 new 40.00", "2026-05-01 expansion 10.00", causes=("start", "discount_end"), marked=True),
    events=None,
    listings=None,
)
def a_bill_that_tells_no_discounts(m: Maker) -> None:
    """A fifth off, taken off by hand in April: nothing of March's invoice says which discounts it carries."""
    price = m.price(5000)
    cut = m.discount(m.coupon(percent=20), START)
    m.begin(START, [m.item(price, 1, START)], told=False)
    for number in range(5):
        held = [cut] if number < 3 else []
        line = m.line(price, 1, later(START, number), off=[(each, 1000) for each in held])
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        if number == 1:
            line.update(discounts=None, discount_amounts=None)
        bill = m.bill([line], later(START, number), discounts=held, reason=reason, told=False)
        if number == 1:
            m.account.put("invoices", bill | {"discounts": None}, later(START, number))


@life(
    right("2026-03-05 new 35.00", "2026-06-09 expansion 30.00"),
    everything=right("2026-03-05 new 35.00", "2026-06-09 expansion 30.00", marked=False),
    invoices=None,
    listings=None,
)
def events_older_than_discounts_of_items(m: Maker) -> None:
    """15.00 off an item; events are drawn in a version whose items have no such field, and don't end the discount by that."""
    start = noon("2026-03-05")
    price = m.price(5000)
    cut = m.discount(m.coupon(off=1500), start, on=m.item_id(1))
    m.begin(start, [m.item(price, 1, start, discounts=[cut])], told=False)
    for number in range(4):
        at = later(start, number)
        line = m.line(price, 1, at, own=[cut], off=[(cut, 1500)])
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
    second = m.price(3000, "b")
    m.change(noon("2026-06-09"), lambda sub: sub["items"]["data"].append(m.item(second, 1, noon("2026-06-09"), number=2)))
    without_discounts_of_items(m)


def without_discounts_of_items(m: Maker) -> None:
    """Events as a version draws them whose items have no such field."""
    for _, event in m.account.events:
        for part in event["data"].values():
            for item in part.get("items", {}).get("data", ()):
                del item["discounts"]


@life(
    right(
        "2026-03-05 new 50.00",
        "2026-06-05 contraction -15.00",
        "2026-06-08 expansion 50.00",
        causes=("start", "discount_start", "quantity"),
    ),
    invoices=None,
    listings=None,
)
def a_discount_of_an_item_that_events_leave_out(m: Maker) -> None:
    """15.00 off from 5 June, of which an event of the 5th and one of the 8th say nothing: it dates itself, wherever it is told."""
    start, given = noon("2026-03-05"), noon("2026-06-05")
    price = m.price(5000)
    m.begin(start, [m.item(price, 1, start)], told=False)
    m.cycles(start, noon("2026-06-01"), [(price, 1)], told=False)
    cut = m.discount(m.coupon(off=1500), given, on=m.item_id(1))
    m.change(given, lambda sub: sub["items"]["data"][0].update(discounts=[cut]), metadata={"team": "blue"})
    m.change(noon("2026-06-08"), lambda sub: sub["items"]["data"][0].update(quantity=2))
    without_discounts_of_items(m)
