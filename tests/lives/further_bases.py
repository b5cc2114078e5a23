"""More small accounts to leave parts out of: terms, states and sorts of billing that the first ones lack. The rules of `bases` hold here."""

from typing import Final

from tests.lives import objects
from tests.lives.maker import Build, Maker
from tests.lives.objects import JSON, later, noon

TOLD: Final = noon("2026-05-20")
"""What happens later is told by events too."""


def discounts_side_by_side(m: Maker) -> None:
    """On the whole a tenth for ever, 5.00 for three months from March and a gift on the first invoice; a quarter off an item till April, by hand."""
    start = noon("2026-02-05")
    first, second = m.price(6000, "a"), m.price(4000, "b")
    tenth, gift = (
        m.discount(m.coupon("t", percent=10), start, tag="t"),
        m.discount(m.coupon("g", off=1000, duration="once"), start, tag="g"),
    )
    march, april = later(start, 1), later(start, 2)
    five = m.discount(m.coupon("f", off=500, duration="repeating", months=3), march, later(march, 3), tag="f")
    quarter = m.discount(m.coupon("q", percent=25), start, on=m.item_id(2), tag="q")
    m.begin(start, [m.item(first, 1, start), m.item(second, 1, start, number=2)], told=False, discounts=[tenth, five])
    for number in range(5):
        at = later(start, number)
        held = [tenth, *([gift] if number == 0 else []), *([five] if march <= at < later(march, 3) else [])]
        own = [quarter] if at <= april else []
        off = [(each, {tenth["id"]: 600, gift["id"]: 600, five["id"]: 300}[each["id"]]) for each in held]
        off_second = [(each, {tenth["id"]: 300, gift["id"]: 400, five["id"]: 200}[each["id"]]) for each in held]
        lines = [
            m.line(first, 1, at, off=off),
            m.line(second, 1, at, item=2, own=own, off=[*((q, 1000) for q in own), *off_second]),
        ]
        m.bill(lines, at, discounts=held, reason="subscription_create" if number == 0 else "subscription_cycle", told=at > TOLD)
        if number:
            m.renew(at, told=at > TOLD)
    m.change(noon("2026-06-10"), discounts=[five])


def gift_between_two_cycles(m: Maker) -> None:
    """Half off from March by hand, taken off by hand in April: one cycle alone shows it, before anybody read."""
    start = noon("2026-01-14")
    price = m.price(8000)
    half = m.discount(m.coupon(percent=50), noon("2026-03-01"))
    m.begin(start, [m.item(price, 2, start)], told=False)
    for number in range(5):
        at = later(start, number)
        off = [(half, 8000)] if number == 2 else []
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill([m.line(price, 2, at, off=off)], at, discounts=[d for d, _ in off], reason=reason, told=False)
        m.renew(at, told=False)
    m.renew(noon("2026-06-14"))


def tax_that_changes(m: Maker) -> None:
    """19 % inside by a tax rate, 16 % from May; a change of seats in April by a pair with tax in it."""
    start, change = noon("2026-03-08"), noon("2026-04-20")
    price = m.price(11900)
    m.begin(start, [m.item(price, 1, start)], told=False)
    for number in range(4):
        at, seats = later(start, number), 1 if number < 2 else 2
        amount = 11900 * seats
        tax = (1900 if number < 2 else 1641) * seats
        reason = "subscription_create" if number == 0 else "subscription_cycle"
        m.bill([m.line(price, seats, at, amount=amount, inclusive=tax)], at, reason=reason, told=at > TOLD)
        if number == 1:
            ways: JSON = {"end": later(start, 2), "proration": True}
            credit = m.line(price, 1, change, amount=-5950, inclusive=-950, credited=["il_before"], **ways)
            m.bill(
                [credit, m.line(price, 2, change, amount=11900, inclusive=1900, **ways)],
                change,
                reason="subscription_update",
                told=False,
            )
            m.change(change, lambda sub: sub["items"]["data"][0].update(quantity=2), told=False)
        if number:
            m.renew(at, told=at > TOLD)


def volume_and_packages(m: Maker) -> None:
    """Volume tiers with a flat fee, and packages of ten that are rounded up: more of both in April, without any proration, and in June."""
    start = noon("2026-02-18")
    tiers = m.price(None, "v", tiers=[(5, 1000, None), (None, 800, 2000)], mode="volume")
    packages = m.price(3000, "p", transform={"divide_by": 10, "round": "up"})
    m.begin(start, [m.item(tiers, 8, start), m.item(packages, 25, start, number=2)], told=False)
    for number in range(4):
        at, many, pieces = later(start, number), 3 if number < 2 else 8, 10 if number < 2 else 25
        lines = [m.line(tiers, many, at, amount=many * (1000 if many <= 5 else 800))]
        if many > 5:
            lines.append(m.line(tiers, 0, at, amount=2000))
        lines.append(m.line(packages, pieces, at, item=2, amount=3000 * -(-pieces // 10)))
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
        if number:
            m.renew(at, told=False)
    m.change(noon("2026-06-09"), lambda sub: [item.update(quantity=item["quantity"] + 5) for item in sub["items"]["data"]])


def fractions_of_a_unit(m: Maker) -> None:
    """2.5 units from March, 3.5 from May by a line alone, 4.5 in June by an event."""
    start = noon("2026-03-11")
    price = m.price(1000)
    m.begin(start, [m.item(price, 3, start, quantity_decimal="3.5")], told=False)
    for number in range(3):
        at, exact = later(start, number), "2.5" if number < 2 else "3.5"
        line = m.line(price, int(float(exact)), at, amount=int(float(exact) * 1000)) | {"quantity_decimal": exact}
        m.bill([line], at, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
        m.renew(at, told=False)
    m.change(noon("2026-06-08"), lambda sub: sub["items"]["data"][0].update(quantity=4, quantity_decimal="4.5"))


def paused_and_resumed(m: Maker) -> None:
    """The status is paused since 22 May, and no more from 9 June on; one item of two is on a trial of its own till 6 June."""
    start, paused, resumed = noon("2026-04-22"), noon("2026-05-22"), noon("2026-06-09")
    price, extra = m.price(5000, "a"), m.price(1500, "b")
    trial = {"start_date": start, "end_date": noon("2026-05-06"), "trial_offer": "to_1"}
    m.begin(start, [m.item(price, 1, start), m.item(extra, 1, start, number=2, current_trial=trial)], told=False)
    m.bill([m.line(price, 1, start)], start, reason="subscription_create", told=False)
    details = {"paused": {"transitioned_at": paused, "subscription": {"type": "pause_requested"}}}
    m.change(paused, status="paused", status_details=details)
    m.renew(resumed, status="active", status_details=None)
    m.bill([m.line(price, 1, resumed), m.line(extra, 1, resumed, item=2)], resumed)


def free_month_by_trial(m: Maker) -> None:
    """Paid from February; a month for nothing by a trial from 25 May that is prolonged and then cut short on 8 June; an end is asked for, withdrawn, and asked for again."""
    start, free, back = noon("2026-02-25"), noon("2026-05-25"), noon("2026-06-08")
    price = m.price(7000)
    m.begin(start, [m.item(price, 1, start)], told=False)
    m.cycles(start, noon("2026-04-25"), [(price, 1)], told=False)
    m.renew(noon("2026-04-25"), told=False)
    m.change(free, status="trialing", trial_start=free, trial_end=noon("2026-06-25"))
    m.bill([m.line(price, 1, free, amount=0)], free)
    m.change(
        noon("2026-05-28"),
        trial_end=noon("2026-07-01"),
        cancel_at_period_end=True,
        cancel_at=noon("2026-07-01"),
        canceled_at=noon("2026-05-28"),
    )
    m.change(noon("2026-06-01"), cancel_at_period_end=False, cancel_at=None, canceled_at=None)
    m.renew(back, status="active", trial_end=back)
    m.bill([m.line(price, 1, back)], back)
    m.change(noon("2026-06-12"), cancel_at_period_end=True, cancel_at=later(back, 1), canceled_at=noon("2026-06-12"))


def billed_ahead(m: Maker) -> None:
    """Half a year of an add-on is billed in February and given up in May by a credit; the plan is billed monthly; a schedule waits."""
    start, gone = noon("2026-02-10"), noon("2026-05-01")
    price, ahead = m.price(5000, "a"), m.price(1000, "b")
    phase: JSON = {
        "start_date": noon("2026-07-10"),
        "end_date": noon("2026-09-10"),
        "currency": "usd",
        "discounts": [],
        "trial_end": None,
    }
    phase["items"] = [{"price": price["id"], "quantity": 3, "discounts": []}]
    waiting = {
        "id": f"sub_sched_{m.name}",
        "object": "subscription_schedule",
        "status": "active",
        "end_behavior": "release",
        "phases": [phase],
    }
    m.begin(start, [m.item(price, 1, start)], told=False, schedule=waiting)
    for number in range(5):
        at = later(start, number)
        lines = [m.line(price, 1, at)]
        if number == 0:
            lines += [m.line(ahead, 1, later(start, month), item=2) for month in range(6)]
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle", told=at > TOLD)
        if number:
            m.renew(at, told=at > TOLD)
    m.bill(
        [m.line(ahead, 1, gone, item=2, end=later(start, 6), amount=-3300, proration=True, credited=["il_x"], of_item=True)],
        gone,
        told=False,
    )


def upgrades_that_wait(m: Maker) -> None:
    """An upgrade of March whose invoice is voided, one of April that is given up as uncollectible and borne out, one of June that waits."""
    start = noon("2026-02-02")
    small, large, huge = m.price(2000, "s"), m.price(6000, "l"), m.price(9000, "h")
    m.begin(start, [m.item(large, 1, start)], told=False)
    m.bill([m.line(small, 1, start)], start, reason="subscription_create", told=False)
    march, april = noon("2026-03-15"), noon("2026-04-15")
    m.bill([m.line(small, 1, later(start, 1))], later(start, 1), told=False)
    m.bill(m.pair(march, later(start, 2), (small, 1), (large, 1)), march, status="void", reason="subscription_update", told=False)
    m.bill([m.line(small, 1, later(start, 2))], later(start, 2), told=False)
    pair = m.pair(april, later(start, 3), (small, 1), (large, 1))
    m.bill(pair, april, status="uncollectible", reason="subscription_update", told=False)
    for number in (3, 4):
        m.bill([m.line(large, 1, later(start, number))], later(start, number), told=number == 4)
        m.renew(later(start, number), told=number == 4)
    asked = noon("2026-06-10")
    m.bill(m.pair(asked, later(start, 5), (large, 1), (huge, 1)), asked, status="open", reason="subscription_update")
    wished = m.item(huge, 1, later(start, 4))
    m.change(asked, pending_update={"expires_at": asked + 82_800, "subscription_items": [wished], "trial_end": None})


def add_on_by_prorations(m: Maker) -> None:
    """An add-on comes in March and goes in April by prorations of the older kind, which name no item; a setup fee stands beside."""
    start, comes, goes = noon("2026-02-15"), noon("2026-03-20"), noon("2026-04-25")
    price, extra = m.price(4000, "a"), m.price(1000, "b")
    m.begin(start, [m.item(price, 1, start)], told=False)
    for number in range(4):
        at = later(start, number)
        lines = [m.line(price, 1, at)]
        if number == 2:
            lines.append(m.line(extra, 2, at, item=2))
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle", told=at > TOLD)
        if number == 1:
            m.bill(
                [m.line(extra, 2, comes, item=2, end=later(start, 2), amount=1700, proration=True)],
                comes,
                reason="subscription_update",
                told=False,
            )
        if number == 2:
            credit = m.line(extra, 2, goes, item=2, end=later(start, 3), amount=-1300, proration=True, credited=["il_before"])
            m.bill([credit], goes, reason="subscription_update", told=False)
        if number:
            m.renew(at, told=at > TOLD)


def objects_made_again(m: Maker) -> None:
    """A coupon and a plan that were deleted and made again under their ids: the customer keeps the first coupon, and moves to the new plan in May."""
    start, again = noon("2026-02-07"), noon("2026-04-01")
    first, second = m.price(5000), objects.price(f"price_{m.name}_a", 7000, product_id=f"prod_{m.name}_a") | {"created": again}
    cut = m.discount(m.coupon(percent=20), start)
    m.account.put("prices", second, again)
    m.account.put("coupons", objects.coupon(f"co_{m.name}_c", percent=50, created=again), again)
    m.begin(start, [m.item(first, 1, start)], told=False, discounts=[cut])
    for number in range(5):
        at, of = later(start, number), first if number < 3 else second
        off = [(cut, of["unit_amount"] // 5)]
        m.bill(
            [m.line(of, 1, at, off=off)],
            at,
            discounts=[cut],
            reason="subscription_create" if number == 0 else "subscription_cycle",
            told=at > TOLD,
        )
        if number == 3:
            m.change(at, lambda sub: sub["items"]["data"][0].update(price=second), told=False)
        if number:
            m.renew(at, told=at > TOLD)


def moved_by_hand(m: Maker) -> None:
    """One subscription ends in April and another, which names it, begins five days later, in euros since June: a switch of currency at last."""
    start, over, begins, switch = noon("2026-02-20"), noon("2026-04-10"), noon("2026-04-15"), noon("2026-06-07")
    price = m.price(3000)
    in_euros = m.price(2800, "e", currency="eur")
    m.begin(start, [m.item(price, 1, start)], told=False)
    m.cycles(start, over, [(price, 1)], told=False)
    m.account.end(m.sub, over, told=False)
    second, third = f"{m.sub}_2", f"{m.sub}_3"
    kept = {"migrated_from": m.sub}
    m.begin(begins, [objects.item(m.item_id(2), price, 2, begins, later(begins, 1))], sub=second, told=False, metadata=kept)
    for number in range(2):
        at = later(begins, number)
        line = objects.line(m.next("il"), price, 2, 6000, at, later(at, 1), sub=second, item_id=m.item_id(2))
        m.bill([line], at, sub=second, reason="subscription_create" if number == 0 else "subscription_cycle", told=False)
    m.account.end(second, switch)
    m.begin(switch, [objects.item(m.item_id(3), in_euros, 1, switch, later(switch, 1))], sub=third, currency="eur")
    line = objects.line(m.next("il"), in_euros, 1, 2800, switch, later(switch, 1), sub=third, item_id=m.item_id(3))
    m.bill([line], switch, sub=third, reason="subscription_create")


def customers_own_coupon(m: Maker) -> None:
    """A tenth off on the customer from March, which the lines carry; a better one in its place from 5 June."""
    start = noon("2026-02-12")
    price = m.price(10000)
    tenth = m.discount(m.coupon("t", percent=10), noon("2026-03-01"), on="customer", tag="t")
    third = m.discount(m.coupon("h", percent=30), noon("2026-06-05"), on="customer", tag="h")
    m.who(discount=tenth)
    m.begin(start, [m.item(price, 1, start)], told=False)
    for number in range(5):
        at = later(start, number)
        held = [] if number == 0 else [tenth] if number < 4 else [third]
        off = [(each, 1000 if each is tenth else 3000) for each in held]
        m.bill(
            [m.line(price, 1, at, off=off)],
            at,
            discounts=held,
            reason="subscription_create" if number == 0 else "subscription_cycle",
            told=at > TOLD,
        )
        if number:
            m.renew(at, told=at > TOLD)
    m.account.put("customers", objects.customer(m.customer, discount=third), noon("2026-06-05"))
    m.account.tell("customer.discount.deleted", tenth | {"end": noon("2026-06-05")}, noon("2026-06-05"))
    m.account.tell("customer.discount.created", third, noon("2026-06-05"))


def prorations_that_wait(m: Maker) -> None:
    """Yearly seats, more of them in March by a pair that no invoice has yet."""
    start, change = noon("2025-09-01"), noon("2026-03-01")
    price = m.price(12000, interval="year")
    m.begin(start, [m.item(price, 5, start)], told=False)
    m.bill([m.line(price, 5, start)], start, reason="subscription_create", told=False)
    m.change(change, lambda sub: sub["items"]["data"][0].update(quantity=8), told=False)
    for quantity, cents in ((5, -30000), (8, 48000)):
        m.wait(price, quantity, cents, change, later(start, 12))


FURTHER: Final[tuple[Build, ...]] = (
    *(
        discounts_side_by_side,
        gift_between_two_cycles,
        tax_that_changes,
        volume_and_packages,
        fractions_of_a_unit,
        paused_and_resumed,
    ),
    *(free_month_by_trial, billed_ahead, upgrades_that_wait, add_on_by_prorations, objects_made_again, moved_by_hand),
    *(customers_own_coupon, prorations_that_wait),
)
