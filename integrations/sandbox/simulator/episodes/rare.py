"""What happens to simulated customers seldom, and has misled readers of Stripe before. Each returns when it is over."""

from integrations.sandbox.simulator.billing_cycles import DAY, HOUR
from integrations.sandbox.simulator.episodes.usual import come_back, seats
from integrations.sandbox.simulator.story import Story


def many_items(story: Story, at: int) -> int:
    """A further subscription with more items than an answer inlines; what happens to it happens past the tenth, too."""
    rng, script, key = story.rng, story.script, story.new_key()
    count = rng.randrange(10, 13)
    script.subscribe(at, items=[(f"price_module{n:02d}_monthly", rng.randrange(1, 4)) for n in range(1, count + 1)], key=key)
    for _ in range(rng.randrange(1, 4)):
        at += rng.randrange(6, 40) * DAY + rng.randrange(DAY)
        match rng.randrange(4):
            case 0:
                script.add_item(at, f"price_module{rng.randrange(13, 15):02d}_monthly", proration=story.proration(), sub=key)
            case 1:
                script.remove_item(at, rng.randrange(count), proration=story.proration(), sub=key)
            case 2:
                script.change(at, quantity=rng.randrange(4, 9), item=rng.randrange(10), proration=story.proration(), sub=key)
            case _:
                script.label(at, note="many", sub=key)
    if rng.random() < 0.5:
        script.cancel(at + rng.randrange(20, 90) * DAY, sub=key)
    return at


def offer(story: Story, at: int) -> int:
    """An upgrade that waits for its payment for a day."""
    if story.product not in ("team", "starter") or story.extra is not None:
        return at
    outcome = story.rng.choice(("paid", "void", "void"))
    wanted = story.quantity + story.rng.randrange(1, 6)
    settled = at + (23 * HOUR if outcome != "paid" else story.rng.randrange(HOUR, 22 * HOUR))
    story.script.offer(at, quantity=wanted, settled=settled, outcome=outcome, sub=story.key)
    if outcome == "paid":
        story.quantity = wanted
    return settled


def free_month(story: Story, at: int) -> int:
    if story.extra is not None or story.interval[0] != "month":
        return at
    until = at + story.rng.randrange(25, 60) * DAY
    story.script.give_trial(at, until, sub=story.key)
    return until


def end_by_policy(story: Story, at: int) -> int | None:
    story.script.cancel(at, reason="canceled_by_retention_policy", sub=story.key)
    return come_back(story, at)


def unknown_status(story: Story, at: int) -> int:
    until = at + story.rng.randrange(3, 50) * DAY
    story.script.put_status(at, "hibernating", sub=story.key)
    story.script.put_status(until, "active", sub=story.key)
    return until


def remade(story: Story, at: int) -> int:
    """A further subscription to a plan that is deleted one day, with a coupon that is: both are made again with other terms."""
    key = story.new_key()
    coupons = ("SPRING",) if story.rng.random() < 0.6 else ()
    story.script.subscribe(at, "price_legacy_monthly", story.rng.randrange(1, 5), coupons=coupons, key=key)
    after = at + story.rng.randrange(20, 120) * DAY
    if story.rng.random() < 0.5:
        story.script.change(after, quantity=story.rng.randrange(5, 9), proration=story.proration(), sub=key)
    else:
        story.script.cancel(after, sub=key)
    return at


def scoped(story: Story, at: int) -> int:
    """A further subscription with a coupon that is for some of its products only."""
    key = story.new_key()
    coupon = story.rng.choice(("TEAMHALF", "TEAMFIVE"))
    story.script.subscribe(
        at, items=[("price_team_monthly", story.rng.randrange(1, 9)), ("price_analytics_monthly", 1)], coupons=(coupon,), key=key
    )
    after = at + story.rng.randrange(20, 120) * DAY
    if story.rng.random() < 0.5:
        story.script.add_item(after, "price_starter_monthly", proration=story.proration(), sub=key)
    else:
        story.script.undiscount(after, sub=key)
    return at


def prebilled(story: Story, at: int) -> int:
    key = story.new_key()
    story.script.subscribe(at, "price_analytics_monthly", key=key)
    story.script.prebill(at + story.rng.randrange(1, 25) * DAY, story.rng.randrange(3, 7), sub=key)
    story.script.cancel(at + story.rng.randrange(40, 300) * DAY, sub=key)
    return at


def planned_pause(story: Story, at: int) -> int:
    on = at + story.rng.randrange(5, 40) * DAY
    until = on + story.rng.randrange(20, 90) * DAY if story.rng.random() < 0.8 else None
    story.script.plan_pause(at, on, until, sub=story.key)
    return until or on


def taxed_discount(story: Story, at: int) -> int:
    """What else may happen where the price includes a tax: a discount, and an item begun in mid-cycle."""
    if story.discounted and story.rng.random() < 0.5:
        story.script.undiscount(at, sub=story.key)
        story.discounted = False
    elif not story.discounted and story.rng.random() < 0.6:
        coupon = story.rng.choice(("PARTNER20", "LAUNCH50", "EIGHTH"))
        story.script.discount(at, coupon, sub=story.key)
        story.discounted = coupon != "LAUNCH50"
    elif story.interval == ("month", 1):
        price = story.rng.choice(("price_team_monthly_incl", "price_support_monthly_incl"))
        story.script.add_item(at, price, story.rng.randrange(1, 4), proration=story.proration(), sub=story.key)
    return at


def switch_currency(story: Story, at: int) -> int:
    """The same plan in another currency, from one second to the next."""
    if story.catalog.prices[story.price].options == ():
        return at
    story.script.cancel(at, sub=story.key)
    story.key = story.new_key()
    story.extra, story.discounted = None, False
    other = "gbp" if story.script.currency == "eur" else "eur"
    story.script.subscribe(at + 60, story.price, story.quantity, key=story.key, currency=other)
    return at + 60


def lagging(story: Story, at: int) -> int:
    """Seats change, and for an hour a replica doesn't know."""
    story.script.lag(at, at + HOUR, 2 * HOUR)
    return seats(story, at)
