"""Words of Stripe's that nobody knows here: none is taken for the word that one would expect, in silence."""

from typing import Any

from tests.lives import objects
from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
CHANGE = noon("2026-06-05")


def priced(m: Maker, **odd: Any) -> None:
    """Five months of an item whose price says something odd."""
    price = m.price(2000) | odd
    m.account.put("prices", price)
    m.begin(START, [objects.item(m.item_id(), price, 1, START, later(START, 1))], told=False)
    for number in range(5):
        at = later(START, number)
        line = m.line(price, 1, at, amount=2000, end=later(at, 1))
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)


def often(**odd: Any) -> JSON:
    """How a price recurs, monthly but for what is odd."""
    return {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None} | odd


def tiered(mode: str | None) -> JSON:
    """A single endless tier under some mode."""
    tier = {"up_to": None, "unit_amount": 2000, "unit_amount_decimal": "2000", "flat_amount": None, "flat_amount_decimal": None}
    return {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": [tier], "unit_amount": None, "unit_amount_decimal": None}


@life(right("2026-02-01 new 20.00", says=True))
def price_of_an_unknown_type(m: Maker) -> None:
    """The list gives the price a type that nobody knows, the subscription the one that it had: it recurs, and that is said."""
    price = m.price(2000)
    m.account.put("prices", price | {"type": "reusable"})
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)


@life(right("2026-02-01 new 20.00", says=True))
def price_of_an_unknown_type_everywhere(m: Maker) -> None:
    """Likewise where the subscription says so too."""
    priced(m, type="reusable")


@life(right(says=True))
def price_of_an_unknown_type_without_interval(m: Maker) -> None:
    """Nothing says that it recurs."""
    priced(m, type="reusable", recurring=None)


@life(right(says=True))
def usage_of_an_unknown_type(m: Maker) -> None:
    """Neither by quantity nor by usage, as far as anybody knows."""
    priced(m, recurring=often(usage_type="hybrid"))


@life(right(says=True))
def interval_that_nobody_knows(m: Maker) -> None:
    """Billed each season."""
    priced(m, recurring=often(interval="season"))


@life(right(says=True))
def interval_of_no_length(m: Maker) -> None:
    """Billed every nought months: that isn't every month."""
    priced(m, recurring=often(interval_count=0))


@life(right(says=True))
def scheme_that_nobody_knows(m: Maker) -> None:
    """Sold by auction."""
    priced(m, billing_scheme="auction")


@life(right(says=True))
def tiers_of_an_unknown_mode(m: Maker) -> None:
    """Tiers that are neither graduated nor by volume."""
    priced(m, **tiered("bulk"))


@life(right(says=True))
def tiers_of_no_mode(m: Maker) -> None:
    """Tiers, and nothing says how they are meant."""
    priced(m, **tiered(None))


@life(right(says=True))
def packages_of_no_size(m: Maker) -> None:
    """Rounded up to whole packages, whose size was not said: that isn't one."""
    priced(m, transform_quantity={"divide_by": None, "round": "up"})


@life(right(says=True))
def packages_rounded_somehow(m: Maker) -> None:
    """Packages of five, and nothing says which way they are rounded."""
    priced(m, transform_quantity={"divide_by": 5, "round": None})


@life(right(says=True))
def price_below_nothing(m: Maker) -> None:
    """A price that pays the customer."""
    priced(m, unit_amount=-2000, unit_amount_decimal="-2000")


def monthly(m: Maker) -> JSON:
    """Five months of 20.00."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)
    return price


@life(right("2026-02-01 new 20.00", says=True))
def pause_of_an_unknown_kind(m: Maker) -> None:
    """Collection is paused in a way that is neither voiding nor keeping drafts: it counts on, and that is said."""
    monthly(m)
    m.change(CHANGE, pause_collection={"behavior": "hold_in_escrow", "resumes_at": None})


@life(right("2026-02-01 new 20.00", says=True))
def pause_of_no_kind(m: Maker) -> None:
    """Likewise where it isn't said in which way."""
    monthly(m)
    m.change(CHANGE, pause_collection={"behavior": None, "resumes_at": None})


@life(right("2026-02-01 new 20.00", "2026-06-05 churn -20.00", causes=("start", "canceled_voluntary"), says=True))
def end_for_an_unknown_reason(m: Maker) -> None:
    """The status before tells whose wish it was, and it is said that the reason doesn't."""
    monthly(m)
    m.account.end(m.sub, CHANGE, reason="shop_closed_by_platform")


@life(
    right("2026-02-01 new 20.00", "2026-06-05 churn -20.00", causes=("start", "canceled_involuntary"), says=True),
    invoices=None,
    listings=None,
)
def end_for_an_unknown_reason_unpaid(m: Maker) -> None:
    """Past due before it ended: nobody's wish."""
    monthly(m)
    m.change(noon("2026-06-03"), status="past_due")
    m.account.end(m.sub, CHANGE, reason="shop_closed_by_platform")


@life(right("2026-02-01 new 20.00", says=True), events=None, listings=None)
def invoice_of_an_unknown_status(m: Maker) -> None:
    """Its line is evidence all the same, and it is said."""
    price = monthly(m)
    at = noon("2026-03-01")
    made = objects.invoice(m.next("in"), [m.line(price, 1, at)], at, sub=m.sub, customer_id=m.customer, status="archived")
    m.account.put("invoices", made, at)


@life(right("2026-02-01 new 119.00", says=True), events=None, listings=None, old_host=None)
def tax_of_an_unknown_kind(m: Maker) -> None:
    """Tax that is neither in the price nor on top of it: nobody knows how much is in it."""
    price = m.price(11900, tax="inclusive")
    m.begin(START, [m.item(price, 1, START)], told=False)
    for number in range(5):
        at = later(START, number)
        line = m.line(price, 1, at, inclusive=1900)
        line["taxes"][0]["tax_behavior"] = "partial"
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
