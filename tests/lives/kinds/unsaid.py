"""Lines that don't say all: what isn't said takes nothing away."""

from collections.abc import Callable

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, moves, right

START = noon("2026-02-01")


def monthly(m: Maker, spoil: Callable[[JSON], None]) -> None:
    """Two seats at 20.00; the third of five invoices has a line that lacks something."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 2, START)], told=False)
    for number in range(5):
        at = later(START, number)
        line = m.line(price, 2, at)
        if number == 2:
            spoil(line)
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)


@life(right("2026-02-01 new 40.00"))
def line_without_parent(m: Maker) -> None:
    """Nothing says what made it."""
    monthly(m, lambda line: line.update(parent=None))


@life(right("2026-02-01 new 40.00"))
def line_without_details(m: Maker) -> None:
    """Its parent has a type and nothing else."""
    monthly(m, lambda line: line["parent"].update(subscription_item_details=None))


@life(right("2026-02-01 new 40.00"))
def line_without_pricing(m: Maker) -> None:
    """Nothing says at what price."""
    monthly(m, lambda line: line.update(pricing=None))


@life(right("2026-02-01 new 40.00"))
def line_without_price_details(m: Maker) -> None:
    """Its pricing says nothing of a price."""
    monthly(m, lambda line: line["pricing"].update(price_details=None))


@life(right("2026-02-01 new 40.00"))
def line_without_quantity(m: Maker) -> None:
    """Nothing says how many."""
    monthly(m, lambda line: line.update(quantity=None, quantity_decimal=None))


@life(right("2026-02-01 new 40.00"))
def line_without_its_subscription(m: Maker) -> None:
    """Neither the line nor its parent names the subscription, but the invoice does."""

    def nameless(line: JSON) -> None:
        line["subscription"] = line["parent"]["subscription_item_details"]["subscription"] = None

    monthly(m, nameless)


def half_a_pair(m: Maker, spoil: Callable[[list[JSON]], None]) -> None:
    """Five yearly seats at 10.00 a month; a pair makes them eight on 1 March, but one of its lines can't be read."""
    start, change = noon("2025-09-01"), noon("2026-03-01")
    price = m.price(12000, interval="year")
    m.begin(start, [m.item(price, 5, start)], told=False)
    m.bill([m.line(price, 5, start)], start, reason="subscription_create", told=False)
    pair = m.pair(change, later(start, 12), (price, 5), (price, 8))
    spoil(pair)
    m.bill(pair, change, reason="subscription_update", told=False)
    m.change(change, lambda sub: sub["items"]["data"][0].update(quantity=8), told=False)


_DATED = moves("2025-09-01 new 50.00", "2026-03-01 expansion 30.00")
_HALF = {
    "answer": right("2025-09-01 new 50.00", "2026-06-15 expansion 30.00", or_=(_DATED,), says=True),
    "everything_daily": right("2025-09-01 new 50.00", "2026-05-18 expansion 30.00", or_=(_DATED,), says=True),
    "invoices_daily": right("2025-09-01 new 50.00", "2026-05-18 expansion 30.00", or_=(_DATED,), says=True),
    "events": right("2025-09-01 new 80.00"),
    "listings": right("2025-09-01 new 80.00"),
}


@life(**_HALF)
def debit_without_parent(m: Maker) -> None:
    """What the new state is can't be told: it isn't nothing."""
    half_a_pair(m, lambda pair: pair[1].update(parent=None))


@life(**_HALF)
def debit_without_price(m: Maker) -> None:
    """Likewise."""
    half_a_pair(m, lambda pair: pair[1].update(pricing=None))


@life(**_HALF)
def debit_without_quantity(m: Maker) -> None:
    """Likewise."""
    half_a_pair(m, lambda pair: pair[1].update(quantity=None, quantity_decimal=None))


@life(**_HALF)
def credit_without_price(m: Maker) -> None:
    """The new state is told, the old one isn't."""
    half_a_pair(m, lambda pair: pair[0].update(pricing=None))


@life(
    right("2025-09-01 new 50.00", "2026-03-01 expansion 30.00", causes=("start", "quantity"), marked=False, says=True),
    events=None,
    listings=None,
)
def credit_without_quantity(m: Maker) -> None:
    """Nor how many there were: the debit dates the change all the same, and the credit is named."""
    half_a_pair(m, lambda pair: pair[0].update(quantity=None, quantity_decimal=None))


@life(**_HALF)
def credit_alone_of_an_item_that_stays(m: Maker) -> None:
    """The other half of the pair was never handed over: an item that is there later was not removed."""
    half_a_pair(m, lambda pair: pair.__delitem__(1))


@life(
    right("2026-02-01 new 55.00", "2026-03-10 contraction -15.00", causes=("start", "removed_product"), marked=False),
    events=None,
    listings=None,
)
def credit_alone_of_an_item_that_goes(m: Maker) -> None:
    """A credit without an answer, of an item that is never seen again, is a removal as ever."""
    price, extra = m.price(4000, "a"), m.price(1500, "b")
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.bill([m.line(price, 1, START), m.line(extra, 1, START, item=2)], START, reason="subscription_create", told=False)
    m.bill([m.line(price, 1, later(START, 1)), m.line(extra, 1, later(START, 1), item=2)], later(START, 1), told=False)
    goes = noon("2026-03-10")
    credit = m.line(extra, 1, goes, item=2, end=later(START, 2), amount=-1060, proration=True, credited=["il_before"], of_item=True)
    m.bill([credit], goes, reason="subscription_update", told=False)
    for number in (2, 3, 4):
        m.bill([m.line(price, 1, later(START, number))], later(START, number), told=False)


@life(right("2026-03-01 new 25.00"), events=None, listings=None)
def a_line_that_cuts_a_fraction_off(m: Maker) -> None:
    """2.5 units: one of three lines tells the whole number alone, and its amount says that it was cut."""
    start = noon("2026-03-01")
    price = m.price(1000)
    m.begin(start, [m.item(price, 2, start, quantity_decimal="2.5")], told=False)
    for number in range(3):
        line = m.line(price, 2, later(start, number), amount=2500) | {"quantity_decimal": "2.5"}
        if number == 1:
            line["quantity_decimal"] = None
        m.bill([line], later(start, number), reason="subscription_create" if number == 0 else "subscription_cycle", told=False)


@life(
    right("2026-02-01 new 40.00", "2026-05-01 expansion 10.00", causes=("start", "discount_end"), marked=True),
    events=None,
    listings=None,
)
def a_line_without_what_its_discounts_took_off(m: Maker) -> None:
    """A fifth off, taken off by hand in April: March's line has an empty list of its own, no amounts, and its invoice names the discount."""
    price = m.price(5000)
    cut = m.discount(m.coupon(percent=20), START)
    m.begin(START, [m.item(price, 1, START)], told=False)
    for number in range(5):
        held = [cut] if number < 3 else []
        line = m.line(price, 1, later(START, number), off=[(each, 1000) for each in held])
        if number == 1:
            line["discount_amounts"] = None
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill([line], later(START, number), discounts=held, reason=reason, told=False)
