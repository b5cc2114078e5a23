"""Small accounts that hold a bit of everything, each a life of one customer: what parts are left out of, and what is synced in many ways.

Everything that happens ends before `SECOND`, the moment of the later reading; the first one is `FIRST`. Events of the last thirty days
before each are in reach.
"""

from typing import Final

from tests.lives import objects
from tests.lives.further_bases import FURTHER
from tests.lives.maker import Build, Maker
from tests.lives.objects import later, noon

FIRST: Final = noon("2026-06-03", hour=18)
SECOND: Final = noon("2026-06-15", hour=18)


def seats_by_proration(m: Maker) -> None:
    """Monthly seats from February; 2 become 5 in mid-March by a classic pair, 20 % off the whole for ever; a label is set in June."""
    start, change = noon("2026-02-01"), noon("2026-03-12")
    price, coupon = m.price(2000), m.coupon(percent=20)
    cut = m.discount(coupon, start)
    m.begin(start, [m.item(price, 2, start)], told=False, discounts=[cut])
    for number in range(5):
        at, seats = later(start, number), 2 if number < 2 else 5
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        line = m.line(price, seats, at, off=[(cut, seats * 400)])
        m.bill([line], at, discounts=[cut], reason=reason, told=at > noon("2026-05-20"))
        if number == 1:
            m.bill(m.pair(change, later(start, 2), (price, 2), (price, 5)), change, reason="subscription_update", told=False)
            m.change(change, lambda sub: sub["items"]["data"][0].update(quantity=5), told=False)
        if at < noon("2026-06-10") and number:
            m.renew(at, told=at > noon("2026-05-20"))
    m.change(noon("2026-06-08"), metadata={"team": "blue"})


def year_of_tiers(m: Maker) -> None:
    """A year of tiered seats; an event raises them in May, another one in June, after the first reading."""
    start = noon("2025-09-10")
    price = m.price(None, interval="year", tiers=[(3, 12000, None), (None, 9000, 6000)])
    m.begin(start, [m.item(price, 4, start)], told=False)
    lines = [m.line(price, 3, start, amount=36000), m.line(price, 1, start, amount=9000), m.line(price, 1, start, amount=6000)]
    m.bill(lines, start, reason="subscription_create", told=False)
    m.change(noon("2026-05-25"), lambda sub: sub["items"]["data"][0].update(quantity=6))
    m.change(noon("2026-06-07"), lambda sub: sub["items"]["data"][0].update(quantity=9))


def item_with_scope(m: Maker) -> None:
    """Two products and a metered one; 15.00 off the first, on its item, by a coupon for that product; the second goes in June."""
    start = noon("2026-03-05")
    first, second, usage = m.price(5000, "a"), m.price(3000, "b"), m.price(1, "u", usage="metered")
    cut = m.discount(m.coupon(off=1500, products=[first]), start, on=m.item_id(1))
    items = [m.item(first, 1, start, discounts=[cut]), m.item(second, 2, start, number=2), m.item(usage, None, start, number=3)]
    m.begin(start, items, told=False)
    for number in range(4):
        at = later(start, number)
        lines = [m.line(first, 1, at, own=[cut], off=[(cut, 1500)])]
        if number < 3:
            lines.append(m.line(second, 2, at, item=2))
        if number:
            lines.append(m.line(usage, 700, later(start, number - 1), item=3, amount=700))
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle", told=at > noon("2026-05-20"))
        if number == 3:
            m.renew(at)
    at = noon("2026-06-09")
    m.bill([m.line(second, 2, at, item=2, end=later(start, 4), amount=-5000, proration=True, credited=["il_x"], of_item=True)], at)
    m.change(at, lambda sub: sub["items"]["data"].pop(1))


def trial_then_end(m: Maker) -> None:
    """A trial from 10 May, paid from the 24th, a half price for three months on the customer, canceled for good on 11 June."""
    begin, paid, over = noon("2026-05-10"), noon("2026-05-24"), noon("2026-06-11")
    price = m.price(8000)
    cut = m.discount(m.coupon(percent=50, duration="repeating", months=3), begin, later(begin, 3), on="customer")
    m.who(discount=cut, metadata={"industry": "mining"})
    m.begin(begin, [m.item(price, 1, begin)], status="trialing", trial_start=begin, trial_end=paid)
    m.change(paid, status="active")
    m.bill([m.line(price, 1, paid, off=[(cut, 4000)])], paid, discounts=[cut])
    m.change(noon("2026-05-30"), cancel_at_period_end=True, cancel_at=later(paid, 1), canceled_at=noon("2026-05-30"))
    m.account.end(m.sub, over, cancel_at=None, cancel_at_period_end=False)


def taxed_and_paused(m: Maker) -> None:
    """19 % inside the price, a tenth off for two months, collection paused with void from 6 June."""
    start = noon("2026-04-06")
    price = m.price(11900, tax="inclusive")
    cut = m.discount(m.coupon(percent=10, duration="repeating", months=2), start, later(start, 2))
    m.begin(start, [m.item(price, 1, start)], told=False, discounts=[cut])
    for number in range(2):
        at = later(start, number)
        line = m.line(price, 1, at, off=[(cut, 1190)], inclusive=1710)
        m.bill([line], at, discounts=[cut], reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
    at = later(start, 2)
    m.renew(at, discounts=[], pause_collection={"behavior": "void", "resumes_at": None})
    m.bill([m.line(price, 1, at, inclusive=1900)], at, status="void")


def many_items(m: Maker) -> None:
    """Twelve items, billed from April; the last one doubles in June."""
    start = noon("2026-04-12")
    prices = [m.price(1000, f"p{number}", product="all") for number in range(12)]
    m.begin(start, [m.item(price, 1, start, number=n) for n, price in enumerate(prices, 1)], told=False)
    for number in range(3):
        at = later(start, number)
        seats = [1] * 11 + [2 if number == 2 else 1]
        lines = [m.line(price, quantity, at, item=n) for n, (price, quantity) in enumerate(zip(prices, seats, strict=True), 1)]
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle", told=number == 2)
        if number:
            m.renew(at, told=number == 2)
        if number == 2:
            m.change(at + 60, lambda sub: sub["items"]["data"][11].update(quantity=2))


def plan_swap_in_line(m: Maker) -> None:
    """From a small to a large plan in April by a pair of the flexible kind, which names the item; in euros, by the price's option."""
    start, swap = noon("2026-03-02"), noon("2026-04-20")
    small, large = m.price(2000, "s", options={"eur": 1800}), m.price(9000, "l", options={"eur": 8100})
    in_euros = {
        of["id"]: of | {"currency": "eur", "unit_amount": cents, "unit_amount_decimal": str(cents)}
        for of, cents in ((small, 1800), (large, 8100))
    }
    m.begin(start, [m.item(large, 1, noon("2026-05-02"))], told=False, currency="eur")
    until = noon("2026-05-02")
    for number in range(4):
        at, of = later(start, number), in_euros[(small if number < 2 else large)["id"]]
        m.bill([m.line(of, 1, at)], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
        if number == 1:
            pair = m.pair(swap, until, (in_euros[small["id"]], 1), (in_euros[large["id"]], 1), of_item=True)
            m.bill(pair, swap, reason="subscription_update", told=False)
    m.renew(noon("2026-06-02"))


def failed_payments(m: Maker) -> None:
    """Paid in April, past due in May, unpaid from 20 May, canceled for it on 9 June: found in events, the first part in invoices."""
    start = noon("2026-04-04")
    price = m.price(4000)
    m.begin(start, [m.item(price, 1, start)], told=False)
    m.bill([m.line(price, 1, start)], start, reason="subscription_create", told=False)
    may = later(start, 1)
    m.renew(may, status="past_due")
    m.bill([m.line(price, 1, may)], may, status="uncollectible", moments={"marked_uncollectible_at": noon("2026-05-20")})
    m.change(noon("2026-05-20"), status="unpaid")
    m.account.end(m.sub, noon("2026-06-09"), reason="payment_failed")


def two_subscriptions(m: Maker) -> None:
    """One by a plan from March, which moves from month to year in April; a second one begins in June, in the same customer."""
    start, swap, second = noon("2026-03-01"), noon("2026-04-10"), noon("2026-06-05")
    month, year = m.price(10000, "m"), m.price(96000, "y", interval="year")
    m.begin(start, [m.item(year, 1, swap)], told=False, billing_cycle_anchor=swap)
    m.cycles(start, noon("2026-04-01"), [(month, 1)])
    credit, debit = m.pair(swap, noon("2026-05-01"), (month, 1), (month, 1))
    debit = m.line(year, 1, swap, proration=True)
    m.bill([credit, debit], swap, reason="subscription_update", told=False)
    other = objects.item(m.item_id(9), month, 3, second, later(second, 1))
    m.begin(second, [other], sub=f"{m.sub}_2")
    line = objects.line(m.next("il"), month, 3, 30000, second, later(second, 1), sub=f"{m.sub}_2", item_id=m.item_id(9))
    m.bill([line], second, sub=f"{m.sub}_2", reason="subscription_create")


def credit_notes(m: Maker) -> None:
    """Two products with tax in their prices, of whose invoices credit notes take something back: a line, parts of both and more besides, one that is voided."""
    start = noon("2026-04-08")
    first, second = m.price(11900, "a", tax="inclusive"), m.price(2380, "b", tax="inclusive")
    m.begin(start, [m.item(first, 1, start), m.item(second, 1, start, number=2)], told=False)
    bills = []
    for number in range(3):
        at = later(start, number)
        lines = [m.line(first, 1, at, inclusive=1900), m.line(second, 1, at, item=2, inclusive=380)]
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        bills.append((m.bill(lines, at, reason=reason, told=number == 2), lines))
        if number:
            m.renew(at, told=number == 2)
    (april, old), (may, told), (june, new) = bills
    m.credit(april, [(old[0], 11900)], noon("2026-04-20"), inclusive=1900, told=False)
    m.credit(may, [(told[0], 5950), (told[1], 1190), (None, 595)], noon("2026-05-28"), inclusive=95, off=100)
    m.credit(june, [(new[1], 2380)], noon("2026-06-09"), inclusive=380)
    m.credit(june, [(new[0], 1000)], noon("2026-06-10"), voided_at=noon("2026-06-12"))


def discount_taken_off(m: Maker) -> None:
    """A fifth off for ever, taken off by hand in the middle of April, before anybody read of it: invoices alone show that it was there."""
    start, over = noon("2026-01-10"), noon("2026-04-20")
    price = m.price(5000)
    cut = m.discount(m.coupon(percent=20), start)
    m.begin(start, [m.item(price, 1, start)], told=False, discounts=[cut])
    for number in range(6):
        at = later(start, number)
        held = [cut] if at < over else []
        line = m.line(price, 1, at, off=[(each, 1000) for each in held])
        m.bill([line], at, discounts=held, reason="subscription_create" if number == 0 else "subscription_cycle", told=number == 5)
        if number:
            m.renew(at, told=number == 5, discounts=held)


BASES: Final[dict[str, Build]] = {
    each.__name__: each
    for each in (
        *(seats_by_proration, year_of_tiers, item_with_scope, trial_then_end, taxed_and_paused, many_items, plan_swap_in_line),
        *(failed_payments, two_subscriptions, credit_notes, discount_taken_off),
        *FURTHER,
    )
}
