"""Tax inside the price: its share is of what is left after discounts."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
_NO_INVOICES = {"events": None, "listings": None}
"""Without invoices nothing says what the tax is."""


def taxed(m: Maker, cut: JSON | None, taxes: list[tuple[int, int]]) -> None:
    """Months of 119.00 with tax inside; for each the cents that the discount takes off, and the tax in the rest."""
    price = m.price(11900, tax="inclusive")
    held = [cut] if cut is not None and cut["end"] is None and taxes[-1][0] else []
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=held)
    for number, (off, tax) in enumerate(taxes):
        at, whole = later(START, number), [cut] if cut is not None and off else []
        line = m.line(price, 1, at, off=[(each, off) for each in whole], inclusive=tax)
        m.bill([line], at, discounts=whole, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)


@life(right("2026-02-01 new 90.00", listed=10000), **_NO_INVOICES)
def tax_beside_a_discount(m: Maker) -> None:
    """19 % inside, a tenth off for ever."""
    taxed(m, m.discount(m.coupon(percent=10), START), [(1190, 1710)] * 5)


@life(right("2026-02-01 new 100.00", listed=10000), **_NO_INVOICES)
def tax_beside_a_first_invoice_coupon(m: Maker) -> None:
    """Half off once: MRR doesn't see the coupon, so the tax must not either."""
    taxed(m, m.discount(m.coupon(percent=50, duration="once"), START), [(5950, 950), *[(0, 1900)] * 4])


@life(right("2026-02-01 new 90.00", "2026-04-01 expansion 10.00", causes=("start", "discount_end")), **_NO_INVOICES)
def tax_when_a_discount_ends(m: Maker) -> None:
    """A tenth off for two months: its end is a discount's end."""
    cut = m.discount(m.coupon(percent=10, duration="repeating", months=2), START, later(START, 2))
    taxed(m, cut, [(1190, 1710)] * 2 + [(0, 1900)] * 3)


@life(right("2026-02-01 new 100.00", "2026-04-01 contraction -0.83", causes=("start", "tax")), **_NO_INVOICES)
def a_new_rate_of_tax(m: Maker) -> None:
    """The rate rises to 20 %: 119.00 holds 19.83 of tax then."""
    taxed(m, None, [(0, 1900)] * 2 + [(0, 1983)] * 3)


@life(right("2026-02-01 new 100.00", "2026-05-01 contraction -0.83", causes=("start", "tax"), says=True), **_NO_INVOICES)
def a_new_rate_of_tax_that_one_line_doesnt_tell(m: Maker) -> None:
    """The same, but the line of April tells no tax: whether it rose in April or in May isn't known, and that is said."""
    taxed(m, None, [(0, 1900)] * 2 + [(0, 1983)] * 3)
    april = list(m.account.versions["invoices"].values())[2]
    for _, bill in april:
        assert bill is not None
        bill["lines"]["data"][0]["taxes"] = None


@life(right("2026-02-01 new 100.00", never=("tax_untold",)), **_NO_INVOICES)
def a_line_between_two_of_one_rate_that_tells_no_tax(m: Maker) -> None:
    """Where the lines before and after it show one share, nothing is in doubt."""
    taxed(m, None, [(0, 1900)] * 5)
    for _, bill in list(m.account.versions["invoices"].values())[2]:
        assert bill is not None
        bill["lines"]["data"][0]["taxes"] = None


@life(right("2026-02-01 new 100.00", "2026-02-15 expansion 50.00", causes=("start", "addon")), **_NO_INVOICES)
def an_item_from_mid_cycle(m: Maker) -> None:
    """Added in mid-month: the proration's line says what tax is in it."""
    first, second, added = m.price(11900, "a", tax="inclusive"), m.price(5950, "b", tax="inclusive"), noon("2026-02-15")
    m.begin(START, [m.item(first, 1, START), m.item(second, 1, added, number=2)], told=False)
    m.bill([m.line(first, 1, START, inclusive=1900)], START, reason="subscription_create", told=False)
    debit = m.line(second, 1, added, item=2, end=later(START, 1), amount=2975, proration=True, of_item=True, inclusive=475)
    m.bill([debit], added, reason="subscription_update", told=False)
    for number in range(1, 5):
        at = later(START, number)
        m.bill([m.line(first, 1, at, inclusive=1900), m.line(second, 1, at, item=2, inclusive=950)], at, told=False)


@life(right("2025-09-01 new 100.00", "2026-02-15 expansion 50.00", causes=("start", "addon")), **_NO_INVOICES)
def an_item_from_mid_year(m: Maker) -> None:
    """Likewise in a year: until the next renewal only the proration tells."""
    start, added = noon("2025-09-01"), noon("2026-02-15")
    first, second = m.price(142800, "a", tax="inclusive", interval="year"), m.price(71400, "b", tax="inclusive", interval="year")
    m.begin(start, [m.item(first, 1, start), m.item(second, 1, added, number=2)], told=False)
    m.bill([m.line(first, 1, start, inclusive=22800)], start, reason="subscription_create", told=False)
    debit = m.line(second, 1, added, item=2, end=later(start, 12), amount=35700, proration=True, of_item=True, inclusive=5700)
    m.bill([debit], added, reason="subscription_update", told=False)


@life(right("2025-09-01 new 100.00", "2026-02-15 expansion 50.00", causes=("start", "addon")), **_NO_INVOICES)
def an_item_of_another_rate_from_mid_year(m: Maker) -> None:
    """Likewise, of a product with 7 % inside instead of 19 %: the item's own proration tells, not the price of something else."""
    start, added = noon("2025-09-01"), noon("2026-02-15")
    first, second = m.price(142800, "a", tax="inclusive", interval="year"), m.price(64200, "b", tax="inclusive", interval="year")
    m.begin(start, [m.item(first, 1, start), m.item(second, 1, added, number=2)], told=False)
    m.bill([m.line(first, 1, start, inclusive=22800)], start, reason="subscription_create", told=False)
    debit = m.line(second, 1, added, item=2, end=later(start, 12), amount=34775, proration=True, of_item=True, inclusive=2275)
    m.bill([debit], added, reason="subscription_update", told=False)


@life(right("2026-02-01 new 100.00", listed=10000, says=True), **_NO_INVOICES)
def more_tax_than_amount(m: Maker) -> None:
    """The second invoice's line holds more tax than it charges: no such tax is in any price, and the share stays what it was."""
    taxed(m, None, [(0, 1900), (0, 13090), (0, 1900), (0, 1900), (0, 1900)])
