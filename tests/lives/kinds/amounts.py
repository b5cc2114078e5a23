"""Amounts in which several rules meet: tax inside beside discounts, fractions in tiers and packages, discounts beside one another."""

from tests.lives import objects
from tests.lives.maker import Maker
from tests.lives.objects import later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
_INVOICED = {"events": None, "listings": None}
"""Only invoices tell of it."""


def first(number: int) -> str:
    """Why the bill of a month was made."""
    return "subscription_create" if number == 0 else "subscription_cycle"


@life(right("2026-02-01 new 90.00", listed=10000), **_INVOICED)
def tax_beside_an_amount_off(m: Maker) -> None:
    """119.00 with 19 % inside, 11.90 off for ever."""
    price = m.price(11900, tax="inclusive")
    cut = m.discount(m.coupon(off=1190), START)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[cut])
    for n in range(5):
        m.bill(
            [m.line(price, 1, later(START, n), off=[(cut, 1190)], inclusive=1710)],
            later(START, n),
            discounts=[cut],
            reason=first(n),
            told=False,
        )


@life(right("2026-02-01 new 100.00"), **_INVOICED)
def tax_beside_a_first_month_for_nothing(m: Maker) -> None:
    """All off once: that line says nothing of tax, the next one does."""
    price = m.price(11900, tax="inclusive")
    cut = m.discount(m.coupon(percent=100, duration="once"), START)
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        held = [cut] if n == 0 else []
        m.bill(
            [m.line(price, 1, later(START, n), off=[(d, 11900) for d in held], inclusive=0 if n == 0 else 1900)],
            later(START, n),
            discounts=held,
            reason=first(n),
            told=False,
        )


@life(right("2026-02-01 new 100.00", "2026-04-01 expansion 19.00", causes=("start", "tax")), **_INVOICED)
def tax_that_falls_away(m: Maker) -> None:
    """Exempt from April: nothing of what is charged is tax."""
    price = m.price(11900, tax="inclusive")
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        m.bill([m.line(price, 1, later(START, n), inclusive=1900 if n < 2 else 0)], later(START, n), reason=first(n), told=False)


@life(right("2026-02-01 new 100.00", "2026-03-12 expansion 200.00", causes=("start", "quantity")), **_INVOICED)
def tax_and_more_seats(m: Maker) -> None:
    """One becomes three by a pair with tax inside both lines."""
    price, at = m.price(11900, tax="inclusive"), noon("2026-03-12")
    m.begin(START, [m.item(price, 3, START)], told=False)
    for n in range(5):
        q = 1 if n < 2 else 3
        m.bill([m.line(price, q, later(START, n), inclusive=1900 * q)], later(START, n), reason=first(n), told=False)
    credit = m.line(price, 1, at, end=later(START, 2), amount=-7678, proration=True, credited=["il_x"], inclusive=-1226)
    debit = m.line(price, 3, at, end=later(START, 2), amount=23034, proration=True, inclusive=3678)
    m.bill([credit, debit], at, reason="subscription_update", told=False)


@life(right("2026-02-01 new 22.00", "2026-03-12 expansion 4.00", causes=("start", "quantity")), **_INVOICED)
def fractions_in_tiers(m: Maker) -> None:
    """Two at 10.00 and the rest at 4.00: 2.5 units, then 3.5."""
    price, at = m.price(None, tiers=[(2, 1000, None), (None, 400, None)]), noon("2026-03-12")
    m.begin(START, [m.item(price, 3, START, quantity_decimal="3.5")], told=False)
    for n in range(5):
        over, amount = ("0.5", 200) if n < 2 else ("1.5", 600)
        lines = [
            m.line(price, 2, later(START, n), amount=2000),
            m.line(price, int(float(over)), later(START, n), amount=amount) | {"quantity_decimal": over},
        ]
        m.bill(lines, later(START, n), reason=first(n), told=False)
    credit = m.line(price, 2, at, end=later(START, 2), amount=-1400, proration=True, credited=["il_x"]) | {
        "quantity_decimal": "2.5"
    }
    debit = m.line(price, 3, at, end=later(START, 2), amount=1650, proration=True) | {"quantity_decimal": "3.5"}
    m.bill([credit, debit], at, reason="subscription_update", told=False)


@life(
    right("2026-02-01 new 5.00", "2026-06-05 expansion 2.50", causes=("start", "quantity")),
    invoices=right("2026-02-01 new 5.00", "2026-06-15 expansion 2.50", marked=True),
    invoices_daily=right("2026-02-01 new 5.00", "2026-06-05 expansion 2.50"),
    listings=None,
    events=None,
)
def less_than_one(m: Maker) -> None:
    """Half a unit of 10.00 becomes three quarters; the whole number is none."""
    price = m.price(1000)
    m.begin(START, [m.item(price, 0, START, quantity_decimal="0.5")], told=False)
    for n in range(5):
        m.bill(
            [m.line(price, 0, later(START, n), amount=500) | {"quantity_decimal": "0.5"}],
            later(START, n),
            reason=first(n),
            told=False,
        )
    m.change(noon("2026-06-05"), lambda sub: sub["items"]["data"][0].update(quantity_decimal="0.75"))


@life(right("2026-05-20 new 30.00"), listings=None, invoices_daily=None)
def none_then_three(m: Maker) -> None:
    """A quantity of nothing since February is no customer; three seats from 20 May are new."""
    price = m.price(1000)
    m.begin(START, [m.item(price, 0, START)], told=False)
    for n in range(4):
        m.bill([m.line(price, 0, later(START, n), amount=0)], later(START, n), reason=first(n), told=False)
    m.bill(
        [m.line(price, 3, noon("2026-05-20"), end=noon("2026-06-01"), amount=1100, proration=True, of_item=True)],
        noon("2026-05-20"),
        reason="subscription_update",
    )
    m.change(noon("2026-05-20"), lambda sub: sub["items"]["data"][0].update(quantity=3))
    m.bill([m.line(price, 3, noon("2026-06-01"))], noon("2026-06-01"))


@life(right("2026-02-01 new 60.00", "2026-06-05 expansion 30.00", causes=("start", "quantity")), invoices=None, listings=None)
def packages_and_fractions(m: Maker) -> None:
    """30.00 for five, rounded up: 7.5 are two packages, 10.5 are three."""
    price = m.price(3000, transform={"divide_by": 5, "round": "up"})
    m.begin(START, [m.item(price, 7, START, quantity_decimal="7.5")], told=False)
    m.bill([m.line(price, 7, START, amount=6000) | {"quantity_decimal": "7.5"}], START, reason="subscription_create", told=False)
    for n in range(1, 5):
        m.bill([m.line(price, 7, later(START, n), amount=6000) | {"quantity_decimal": "7.5"}], later(START, n), told=False)
    m.change(noon("2026-06-05"), lambda sub: sub["items"]["data"][0].update(quantity=10, quantity_decimal="10.5"))


@life(right("2026-02-01 new 27.00", listed=3000), events=None, listings=right("2026-02-01 new 27.00"))
def an_amount_off_a_month_and_a_year(m: Maker) -> None:
    """20.00 a month and 120.00 a year, 14.00 off an invoice: 2.00 and 12.00 of it, a month 1.00 of the latter."""
    month, year = m.price(2000, "m"), m.price(12000, "y", interval="year")
    cut = m.discount(m.coupon(off=1400), START)
    m.begin(START, [m.item(month, 1, START), m.item(year, 1, START, number=2)], told=False, discounts=[cut])
    m.bill(
        [m.line(month, 1, START, off=[(cut, 200)]), m.line(year, 1, START, item=2, off=[(cut, 1200)])],
        START,
        discounts=[cut],
        reason="subscription_create",
        told=False,
    )
    for n in range(1, 5):
        m.bill([m.line(month, 1, later(START, n), off=[(cut, 1400)])], later(START, n), discounts=[cut], told=False)


@life(right("2026-02-01 new 85.50"))
def amount_then_percent(m: Maker) -> None:
    """5.00 off, then a tenth of what is left."""
    price = m.price(10000)
    a, b = m.discount(m.coupon("a", off=500), START, tag="a"), m.discount(m.coupon("b", percent=10), START, tag="b")
    m.begin(START, [m.item(price, 1, START)], discounts=[a, b])
    for n in range(5):
        m.bill(
            [m.line(price, 1, later(START, n), off=[(a, 500), (b, 950)])],
            later(START, n),
            discounts=[a, b],
            reason=first(n),
            told=False,
        )


@life(right("2026-02-01 new 20.00", "2026-06-05 expansion 20.00", causes=("start", "discount_end")), invoices=None, listings=None)
def a_discount_deleted_by_an_event_alone(m: Maker) -> None:
    """Half off a customer, taken off on 5 June: customer.discount.deleted tells it."""
    price = m.price(4000)
    cut = m.discount(m.coupon(percent=50), START, on="customer")
    m.who(discount=cut)
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        m.bill(
            [m.line(price, 1, later(START, n), off=[(cut, 2000)])], later(START, n), discounts=[cut], reason=first(n), told=False
        )
    m.account.put("customers", objects.customer(m.customer), noon("2026-06-05"))
    m.account.tell("customer.discount.deleted", cut | {"end": noon("2026-06-05")}, noon("2026-06-05"))


@life(right("2026-02-01 new 90.00"), events=right("2026-02-01 new 90.00"))
def the_subscriptions_discount_before_the_customers(m: Maker) -> None:
    """Half off the customer, a tenth off the subscription: its own counts."""
    price = m.price(10000)
    mine = m.discount(m.coupon("h", percent=50), START, on="customer", tag="h")
    own = m.discount(m.coupon("t", percent=10), START, tag="t")
    m.who(discount=mine)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[own])
    for n in range(5):
        m.bill(
            [m.line(price, 1, later(START, n), off=[(own, 1000)])], later(START, n), discounts=[own], reason=first(n), told=False
        )


@life(right("2026-03-01 new 20.00"), **_INVOICED)
def a_first_month_for_nothing(m: Maker) -> None:
    """All off for a month: new when it is over."""
    price = m.price(2000)
    cut = m.discount(m.coupon(percent=100, duration="repeating", months=1), START, later(START, 1))
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        held = [cut] if n == 0 else []
        m.bill(
            [m.line(price, 1, later(START, n), off=[(d, 2000) for d in held])],
            later(START, n),
            discounts=held,
            reason=first(n),
            told=False,
        )


@life(
    right(
        "2026-02-01 new 20.00",
        "2026-04-01 churn -20.00",
        "2026-05-01 reactivation 20.00",
        causes=("start", "discount_start", "discount_end"),
    ),
    **_INVOICED,
)
def a_month_for_nothing(m: Maker) -> None:
    """All off for April: nothing that was canceled."""
    price, at = m.price(2000), noon("2026-04-01")
    cut = m.discount(m.coupon(percent=100, duration="repeating", months=1), at, later(at, 1))
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        held = [cut] if n == 2 else []
        m.bill(
            [m.line(price, 1, later(START, n), off=[(d, 2000) for d in held])],
            later(START, n),
            discounts=held,
            reason=first(n),
            told=False,
        )


@life(right("2026-02-01 new 100.00"), **_INVOICED)
def a_line_that_tells_no_tax(m: Maker) -> None:
    """The third line's taxes are null: the share stays as it was."""
    price = m.price(11900, tax="inclusive")
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        line = m.line(price, 1, later(START, n), inclusive=1900)
        m.bill([line | {"taxes": None} if n == 2 else line], later(START, n), reason=first(n), told=False)


@life(right("2026-02-01 new 150.00"), **_INVOICED)
def one_with_tax_inside_and_one_without(m: Maker) -> None:
    """119.00 with 19 % inside, 50.00 to which tax is added."""
    a, b = m.price(11900, "a", tax="inclusive"), m.price(5000, "b", tax="exclusive")
    m.begin(START, [m.item(a, 1, START), m.item(b, 1, START, number=2)], told=False)
    for n in range(5):
        added = m.line(b, 1, later(START, n), item=2)
        added["taxes"] = [{"amount": 950, "tax_behavior": "exclusive", "taxable_amount": 5000, "type": "tax_rate_details"}]
        m.bill([m.line(a, 1, later(START, n), inclusive=1900), added], later(START, n), reason=first(n), told=False)


@life(right("2026-02-01 new 90.00", listed=10000), **_INVOICED)
def tax_beside_a_gift_and_a_tenth(m: Maker) -> None:
    """Half off the first invoice, a tenth off for ever."""
    price = m.price(11900, tax="inclusive")
    gift, tenth = (
        m.discount(m.coupon("g", percent=50, duration="once"), START, tag="g"),
        m.discount(m.coupon("t", percent=10), START, tag="t"),
    )
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[tenth])
    for n in range(5):
        off, tax, held = ([(gift, 5950), (tenth, 595)], 855, [gift, tenth]) if n == 0 else ([(tenth, 1190)], 1710, [tenth])
        m.bill(
            [m.line(price, 1, later(START, n), off=off, inclusive=tax)],
            later(START, n),
            discounts=held,
            reason=first(n),
            told=False,
        )


@life(right("2026-02-01 new 60.00"))
def a_whole_number_with_places(m: Maker) -> None:
    """Three, written as 3.000 in one place and as 3 in another."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 3, START, quantity_decimal="3.000")], told=False)
    for n in range(5):
        m.bill(
            [m.line(price, 3, later(START, n)) | {"quantity_decimal": "3.000" if n % 2 else "3"}],
            later(START, n),
            reason=first(n),
            told=False,
        )


@life(
    right(
        "2026-02-01 new 40.00",
        "2026-04-10 contraction -10.00",
        "2026-05-10 expansion 10.00",
        causes=("start", "discount_start", "discount_end"),
    ),
    **_INVOICED,
)
def a_quarter_off_an_item_for_a_month(m: Maker) -> None:
    """A discount of an item from one mid-month to the next, on the cycle between: it dates itself."""
    price, start, end = m.price(4000), noon("2026-04-10"), noon("2026-05-10")
    cut = m.discount(m.coupon(percent=25, duration="repeating", months=1), start, end, on=m.item_id(1))
    m.begin(START, [m.item(price, 1, START)], told=False)
    for n in range(5):
        off = [(cut, 1000)] if n == 3 else []
        m.bill([m.line(price, 1, later(START, n), off=off, own=[d for d, _ in off])], later(START, n), reason=first(n), told=False)
