"""What is billed ahead: lines that reach far into the future say how far an item is billed, and nothing of how it will stand."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-01-15")
CHANGE = noon("2026-01-25")


def half_a_year_ahead(m: Maker, price: JSON) -> None:
    """One invoice with a line for each of six months."""
    m.bill([m.line(price, 1, later(START, number)) for number in range(6)], START, reason="subscription_create", told=False)


@life(
    right("2026-01-15 new 20.00", "2026-01-25 expansion 20.00"),
    events=right("2026-01-15 new 40.00", marked=True),
    listings=right("2026-01-15 new 40.00", marked=True),
)
def a_change_within_what_is_billed_ahead(m: Maker) -> None:
    """Six months are billed; ten days later one seat becomes two. The lines of February and later, made before, take nothing back."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 2, START, billed_until=later(START, 6))], told=False)
    half_a_year_ahead(m, price)
    pair = m.pair(CHANGE, later(START, 6), (price, 1), (price, 2))
    m.bill(pair, CHANGE, reason="subscription_update", told=False)


@life(right("2026-01-15 new 20.00", "2026-06-05 churn -20.00"))
def an_end_within_what_is_billed_ahead(m: Maker) -> None:
    """It ends in June though it is billed until mid-July: that is when MRR ends."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START, billed_until=later(START, 6))], told=False)
    half_a_year_ahead(m, price)
    m.account.end(m.sub, noon("2026-06-05"))


@life(right("2026-01-15 new 30.00"))
def a_change_that_never_came_about_within_what_is_billed_ahead(m: Maker) -> None:
    """Six months of one item are billed; the invoice of a change is voided unpaid. The other item's cycles don't bill the first, which is there all the same."""
    price, extra = m.price(2000), m.price(1000, "x")
    m.begin(START, [m.item(price, 1, START, billed_until=later(START, 6)), m.item(extra, 1, START, number=2)], told=False)
    m.bill([m.line(price, 1, START), m.line(extra, 1, START, item=2)], START, reason="subscription_create", told=False)
    ahead = [m.line(price, 1, later(START, number)) for number in range(1, 6)]
    m.bill(ahead, noon("2026-01-20"), reason="subscription_update", told=False)
    pair = m.pair(CHANGE, later(START, 6), (price, 1), (price, 2))
    m.bill(pair, CHANGE, status="void", reason="subscription_update", told=False)
    for number in range(1, 5):
        m.bill([m.line(extra, 1, later(START, number), item=2)], later(START, number), told=False)
