"""What happens to simulated customers often: they cancel, fail to pay, buy more or less, pause, move. Each returns when it is over."""

from typing import Final

from integrations.sandbox.simulator.billing_cycles import DAY, HOUR
from integrations.sandbox.simulator.story import SEATED, SIZES, Story

_FEEDBACK: Final = ("too_expensive", "missing_features", "unused", "switched_service", None)


def come_back(story: Story, at: int) -> int | None:
    if not story.has("returns", 0.35):
        return None
    back = at + story.rng.randrange(45, 300) * DAY + story.rng.randrange(DAY)
    story.extra, story.discounted = None, False
    story.key = story.new_key()
    story.script.fix_payments(back - 60)
    story.script.subscribe(back, story.price, story.quantity, key=story.key)
    return back


def cancel(story: Story, at: int) -> int | None:
    story.script.cancel(at, feedback=story.rng.choice(_FEEDBACK), sub=story.key)
    return come_back(story, at)


def cancel_later(story: Story, at: int) -> int | None:
    if story.has("bursts", 0.08):
        story.script.cancel(at, on=at + story.rng.randrange(3, 40) * DAY, sub=story.key)
    else:
        story.script.cancel(at, at_period_end=True, feedback=story.rng.choice(_FEEDBACK), sub=story.key)
    if story.has("withdrawals", 0.35):
        back = at + story.rng.randrange(1, 48) * 5 * HOUR
        story.script.withdraw(back, sub=story.key)
        return back
    return come_back(story, at + (370 if "annual" in story.price else 32) * DAY)


def fail(story: Story, at: int) -> int | None:
    outcome = story.rng.choice(("canceled", "canceled", "unpaid", "past_due"))
    story.script.fail_payments(at, outcome)
    fate = story.rng.random()
    if fate < 0.55:
        fixed = at + story.rng.randrange(20, 45) * DAY
        story.script.fix_payments(fixed)
        return fixed + 16 * DAY
    if fate < 0.75:
        fixed = at + story.rng.randrange(60, 130) * DAY
        story.script.fix_payments(fixed)
        return fixed + 16 * DAY
    gone = at + story.rng.randrange(70, 160) * DAY
    story.script.cancel(gone, sub=story.key)
    return come_back(story, gone)


def seats(story: Story, at: int) -> int:
    if story.product not in SEATED:
        return at
    grow = story.rng.random() < 0.68
    step = max(1, int(story.quantity * story.rng.uniform(0.1, 0.6)))
    quantity = story.quantity + step if grow else max(1, story.quantity - step)
    if quantity == story.quantity:
        return at
    proration = story.proration()
    story.script.change(at, quantity=quantity, proration=proration, sub=story.key)
    story.quantity = quantity
    if story.has("bursts", 0.1):
        story.quantity += 1
        gap = story.rng.choice((0, 0, 40, 7 * HOUR))
        if story.catalog.prices[story.price].tiers:
            gap = max(gap, 40)  # two prorations of one second can't be told from one that is billed by tiers
        story.script.change(at + gap, quantity=story.quantity, proration=proration, sub=story.key)
    return at


def move_plan(story: Story, at: int) -> int:
    monthly = ["price_starter_monthly", "price_team_monthly", "price_business_monthly", "price_scale_monthly"]
    annual = ["price_starter_annual", "price_team_annual", "price_business_annual", "price_enterprise_annual"]
    kin = monthly if story.interval == ("month", 1) else annual if story.interval == ("year", 1) else []
    if "tiers" not in story.features:
        kin = [price for price in kin if "business" not in price and "scale" not in price]
    kin = [price for price in kin if price != story.price]
    if not kin or story.product == "contacts":
        return at
    story.price = story.rng.choice(kin)
    if story.product not in SEATED:
        story.quantity = 1
    story.script.change(at, story.price, story.quantity, proration=story.proration(), sub=story.key)
    return at


def addon_price(story: Story) -> str | None:
    if story.interval == ("month", 1):
        return story.rng.choice(("price_support_monthly", "price_analytics_monthly"))
    if story.interval == ("year", 1):
        return story.rng.choice(("price_support_annual", "price_analytics_annual"))
    return "price_support_quarterly" if story.interval == ("month", 3) else None


def addon(story: Story, at: int) -> int:
    addon = addon_price(story)
    if story.extra is not None:
        story.script.remove_item(at, 1, proration=story.proration(), sub=story.key)
        story.extra = None
    elif addon is not None:
        story.script.add_item(at, addon, proration=story.proration(), sub=story.key)
        story.extra = addon
        if not story.discounted and story.has("item_coupons", 0.3):
            story.script.discount(at + 90, "SUPPORT30", level="item", item=1, sub=story.key)
    return at


def swap_interval(story: Story, at: int) -> int:
    twins = {
        "price_starter_monthly": "price_starter_annual",
        "price_starter_monthly_2": "price_starter_annual",
        "price_team_monthly": "price_team_annual",
        "price_business_monthly": "price_business_annual",
        "price_starter_annual": "price_starter_monthly",
        "price_team_annual": "price_team_monthly",
    }
    other = twins.get(story.price)
    if other is None or story.extra is not None or "annual" not in story.features:
        return at
    story.price = other
    story.script.change(at, other, proration=story.proration(), sub=story.key)
    return at


def edit_price(story: Story, at: int) -> int:
    if story.price == "price_starter_monthly":
        story.price = "price_starter_monthly_2"
        story.script.change(at, story.price, proration=story.proration(), sub=story.key)
    return at


def late_coupon(story: Story, at: int) -> int:
    if story.discounted:
        if story.has("coupon_removal", 0.5):
            story.script.undiscount(at, sub=story.key)
            story.discounted = False
        return at
    coupon = story.rng.choice(("PARTNER20", "LAUNCH50", "TENOFF", "FIVEOFF12", "WELCOME25", "EIGHTH"))
    level = "customer" if story.has("customer_coupons", 0.2) else "subscription"
    story.script.discount(at, coupon, level=level, sub=story.key)
    story.discounted = True
    if story.has("coupon_removal", 0.35):
        at += story.rng.randrange(10, 80) * DAY
        story.script.undiscount(at, level=level, sub=story.key)
        story.discounted = False
    return at


def pause(story: Story, at: int) -> int:
    behavior = story.rng.choice(("void", "void", "mark_uncollectible", "keep_as_draft"))
    until = at + story.rng.randrange(15, 100) * DAY + story.rng.randrange(DAY)
    planned = story.rng.random() < 0.4
    story.script.pause(at, behavior, resumes_at=until if planned else None, sub=story.key)
    if not planned and story.rng.random() < 0.85:
        story.script.resume(until, sub=story.key)
    return until


def hold(story: Story, at: int) -> int:
    until = at + story.rng.randrange(20, 110) * DAY + story.rng.randrange(DAY)
    story.script.hold(at, sub=story.key)
    if story.rng.random() < 0.75:
        story.script.release(until, sub=story.key)
    return until


def recreate(story: Story, at: int) -> int:
    gap = story.rng.choice((0, 120, 20 * HOUR, 3 * DAY))
    story.script.cancel(at, sub=story.key)
    story.key = story.new_key()
    story.extra, story.discounted = None, False
    if story.rng.random() < 0.6 and story.product in SEATED:
        story.quantity += 2
    cause = "migration" if gap < DAY else None
    story.script.subscribe(at + gap, story.price, story.quantity, key=story.key, cause=cause)
    return at + gap


def second(story: Story, at: int) -> int:
    key = story.new_key()
    currency = None
    if story.script.currency == "usd" and story.has("mixed_currencies", 0.3):
        currency = "eur"
    story.script.subscribe(at, "price_analytics_monthly", key=key, currency=currency)
    if story.rng.random() < 0.5:
        story.script.cancel(at + story.rng.randrange(20, 200) * DAY, at_period_end=story.rng.random() < 0.5, sub=key)
    return at


def manual(story: Story, at: int) -> int:
    story.script.charge(at, story.rng.randrange(5, 90) * 1_000)
    return at


def scheduled_change(story: Story, at: int) -> int:
    if story.price != "price_team_monthly" or story.extra is not None:
        return at
    on = at + story.rng.randrange(5, 50) * DAY
    story.quantity += 3
    story.script.schedule_change(at, on, story.price, story.quantity, sub=story.key)
    return on


def metered(story: Story, at: int) -> int:
    names = {("month", 1): "price_calls_monthly", ("month", 3): "price_calls_quarterly", ("year", 1): "price_calls_annual"}
    price = names.get((story.interval[0] or "", story.interval[1]))
    if price is not None and "metered" not in story.used and story.extra is None:
        story.used.add("metered")
        story.extra = price
        story.script.add_item(at, price, 0, sub=story.key)
    return at


def mixed(story: Story, at: int) -> int:
    if story.interval == ("month", 1) and story.extra is None:
        story.extra = "price_support_annual"
        story.script.add_item(at, story.extra, proration="always_invoice", sub=story.key)
    return at


def metadata(story: Story, at: int) -> int:
    story.script.describe(at, company_size=story.rng.choice(SIZES))
    story.script.label(at, sub=story.key, note=f"n{story.rng.randrange(100)}")
    return at


def delete(story: Story, at: int) -> None:
    story.script.delete(at)


# --- rarer things ---------------------------------------------------------------------------------------------------------------
