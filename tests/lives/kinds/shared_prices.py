"""A price that two items hold: a line that names the price and no item is of either, and of which, periods say or nobody does."""

from tests.lives.maker import Maker
from tests.lives.objects import later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
_INVOICED = {"events": None, "listings": None}
"""Only invoices tell of it."""


def two_of_one_price(m: Maker, second: int) -> None:
    """40.00 from February, two at 15.00 from 1 March, one more of these from `second` in its own cycle. The first line of the two lacks its parent."""
    main, extra = m.price(4000, "a"), m.price(1500, "b")
    months = range(1, 5)
    held = [
        m.item(main, 1, later(START, 4)),
        m.item(extra, 2, later(START, 4), number=2),
        m.item(extra, 1, later(second, 3), number=3),
    ]
    m.begin(START, held, told=False)
    m.bill([m.line(main, 1, START)], START, reason="subscription_create", told=False)
    bills = {later(START, n): [m.line(main, 1, later(START, n)), m.line(extra, 2, later(START, n), item=2)] for n in months}
    bills[later(START, 1)][1].update(parent=None)
    for n in range(4):
        bills.setdefault(later(second, n), []).append(m.line(extra, 1, later(second, n), item=3))
    for at, lines in bills.items():
        m.bill(lines, at, told=False)


@life(right("2026-02-01 new 40.00", "2026-03-01 expansion 30.00", "2026-03-15 expansion 15.00", says=True), **_INVOICED)
def a_line_that_the_period_of_one_goes_on_from(m: Maker) -> None:
    """The month of the one begins when the line's ends; the other one's cycle is on the 15th."""
    two_of_one_price(m, noon("2026-03-15"))


@life(
    right("2026-02-01 new 40.00", "2026-04-01 expansion 45.00", marked=True, says=True),
    old_host=right("2026-02-01 new 40.00", "2026-03-01 expansion 30.00", "2026-04-01 expansion 15.00"),  # it names the item
    **_INVOICED,
)
def a_line_that_is_of_either(m: Maker) -> None:
    """Both have the same cycle, and the other one is billed from April: what began in March can't be told."""
    two_of_one_price(m, noon("2026-04-01"))
