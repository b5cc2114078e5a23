"""What may happen in the life of a simulated customer, each kind of happening by its feature: frequent ones first, rarer ones below."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from integrations.sandbox.simulator.billing_cycles import DAY, HOUR
from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.scenario import Script

SIZES: Final = ("1-10", "11-50", "51-200", "201+")
SEATED: Final = ("team", "business", "scale", "contacts")
_FEEDBACK: Final = ("too_expensive", "missing_features", "unused", "switched_service", None)
_RETURN_KEY: Final = "main"
_CALM: Final = frozenset(
    {
        "cancellations",
        "scheduled_cancellations",
        "payment_failures",
        "pauses",
        "manual_invoices",
        "deleted_customers",
    }
)
"""What happens to customers whose prices include a tax, unless `taxed_discounts` lets them have more."""


@dataclass
class Story:
    """A life while it is being drawn."""

    catalog: Catalog
    rng: Random
    features: frozenset[str]
    script: Script
    price: str
    quantity: int
    taxed: bool
    key: str = _RETURN_KEY
    extra: str | None = None
    discounted: bool = False
    count: int = 1
    used: set[str] = field(default_factory=set)

    def has(self, feature: str, chance: float = 1.0) -> bool:
        """Whether `feature` is on and a draw of `chance` falls its way; the draw is made either way."""
        drawn = self.rng.random() < chance
        return drawn and feature in self.features

    @property
    def product(self) -> str:
        """The family of the main price."""
        return self.price.split("_")[1]

    @property
    def interval(self) -> tuple[str | None, int]:
        """The interval of the main price."""
        price = self.catalog.prices[self.price]
        return price.interval, price.interval_count

    def proration(self) -> str:
        """How the next change is prorated."""
        roll = self.rng.random()
        if "no_proration" in self.features and (roll < 0.2 or "prorations" not in self.features):
            return "none"
        return "always_invoice" if roll < 0.55 else "create_prorations"

    def new_key(self) -> str:
        """A fresh name for a further subscription."""
        self.count += 1
        return f"sub{self.count}"


def episode(story: Story, at: int) -> int | None:
    """One thing happens at about `at`; returns when it is over, or None when the customer is gone for good."""
    kinds: list[tuple[str, float, Callable[[Story, int], int | None]]] = [
        ("cancellations", 1.3, _cancel),
        ("scheduled_cancellations", 1.2, _cancel_later),
        ("payment_failures", 1.6, _fail),
        ("seats", 3.0, _seats),
        ("upgrades", 1.5, _move_plan),
        ("downgrades", 0.8, _move_plan),
        ("addons", 1.4, _addon),
        ("interval_swaps", 0.9, _swap_interval),
        ("price_edits", 0.8, _edit_price),
        ("late_coupons", 0.8, _late_coupon),
        ("pauses", 0.7, _pause),
        ("holds", 0.5, _hold),
        ("swaps", 0.6, _recreate),
        ("several_subscriptions", 0.5, _second),
        ("manual_invoices", 0.3, _manual),
        ("schedules", 0.3, _scheduled_change),
        ("metered", 0.3, _metered),
        ("mixed_intervals", 0.25, _mixed),
        ("metadata_changes", 0.5, _metadata),
        ("deleted_customers", 0.2, _delete),
        ("many_items", 0.6, _many_items),
        ("offers", 1.0, _offer),
        ("free_months", 0.6, _free_month),
        ("policy_ends", 0.3, _end_by_policy),
        ("unknown_statuses", 0.4, _unknown_status),
        ("remade", 0.6, _remade),
        ("scoped_coupons", 0.6, _scoped),
        ("prebilling", 0.4, _prebilled),
        ("planned_pauses", 0.4, _planned_pause),
        ("taxed_discounts", 1.5, _taxed_discount),
        ("currency_switches", 0.4, _switch_currency),
        ("lagging", 1.0, _lagging),
    ]
    calm = _CALM | ({"taxed_discounts"} & story.features)
    enabled = [
        (weight, act)
        for name, weight, act in kinds
        if name in story.features and (name in calm if story.taxed else name != "taxed_discounts")
    ]
    if not enabled:
        return None
    roll = story.rng.random() * sum(weight for weight, _ in enabled)
    for weight, act in enabled:
        roll -= weight
        if roll < 0:
            return act(story, at)
    return enabled[-1][1](story, at)


def _come_back(story: Story, at: int) -> int | None:
    if not story.has("returns", 0.35):
        return None
    back = at + story.rng.randrange(45, 300) * DAY + story.rng.randrange(DAY)
    story.extra, story.discounted = None, False
    story.key = story.new_key()
    story.script.fix_payments(back - 60)
    story.script.subscribe(back, story.price, story.quantity, key=story.key)
    return back


def _cancel(story: Story, at: int) -> int | None:
    story.script.cancel(at, feedback=story.rng.choice(_FEEDBACK), sub=story.key)
    return _come_back(story, at)


def _cancel_later(story: Story, at: int) -> int | None:
    if story.has("bursts", 0.08):
        story.script.cancel(at, on=at + story.rng.randrange(3, 40) * DAY, sub=story.key)
    else:
        story.script.cancel(at, at_period_end=True, feedback=story.rng.choice(_FEEDBACK), sub=story.key)
    if story.has("withdrawals", 0.35):
        back = at + story.rng.randrange(1, 48) * 5 * HOUR
        story.script.withdraw(back, sub=story.key)
        return back
    return _come_back(story, at + (370 if "annual" in story.price else 32) * DAY)


def _fail(story: Story, at: int) -> int | None:
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
    return _come_back(story, gone)


def _seats(story: Story, at: int) -> int:
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


def _move_plan(story: Story, at: int) -> int:
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


def _addon_price(story: Story) -> str | None:
    if story.interval == ("month", 1):
        return story.rng.choice(("price_support_monthly", "price_analytics_monthly"))
    if story.interval == ("year", 1):
        return story.rng.choice(("price_support_annual", "price_analytics_annual"))
    return "price_support_quarterly" if story.interval == ("month", 3) else None


def _addon(story: Story, at: int) -> int:
    addon = _addon_price(story)
    if story.extra is not None:
        story.script.remove_item(at, 1, proration=story.proration(), sub=story.key)
        story.extra = None
    elif addon is not None:
        story.script.add_item(at, addon, proration=story.proration(), sub=story.key)
        story.extra = addon
        if not story.discounted and story.has("item_coupons", 0.3):
            story.script.discount(at + 90, "SUPPORT30", level="item", item=1, sub=story.key)
    return at


def _swap_interval(story: Story, at: int) -> int:
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


def _edit_price(story: Story, at: int) -> int:
    if story.price == "price_starter_monthly":
        story.price = "price_starter_monthly_2"
        story.script.change(at, story.price, proration=story.proration(), sub=story.key)
    return at


def _late_coupon(story: Story, at: int) -> int:
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


def _pause(story: Story, at: int) -> int:
    behavior = story.rng.choice(("void", "void", "mark_uncollectible", "keep_as_draft"))
    until = at + story.rng.randrange(15, 100) * DAY + story.rng.randrange(DAY)
    planned = story.rng.random() < 0.4
    story.script.pause(at, behavior, resumes_at=until if planned else None, sub=story.key)
    if not planned and story.rng.random() < 0.85:
        story.script.resume(until, sub=story.key)
    return until


def _hold(story: Story, at: int) -> int:
    until = at + story.rng.randrange(20, 110) * DAY + story.rng.randrange(DAY)
    story.script.hold(at, sub=story.key)
    if story.rng.random() < 0.75:
        story.script.release(until, sub=story.key)
    return until


def _recreate(story: Story, at: int) -> int:
    gap = story.rng.choice((0, 120, 20 * HOUR, 3 * DAY))
    story.script.cancel(at, sub=story.key)
    story.key = story.new_key()
    story.extra, story.discounted = None, False
    if story.rng.random() < 0.6 and story.product in SEATED:
        story.quantity += 2
    cause = "migration" if gap < DAY else None
    story.script.subscribe(at + gap, story.price, story.quantity, key=story.key, cause=cause)
    return at + gap


def _second(story: Story, at: int) -> int:
    key = story.new_key()
    currency = None
    if story.script.currency == "usd" and story.has("mixed_currencies", 0.3):
        currency = "eur"
    story.script.subscribe(at, "price_analytics_monthly", key=key, currency=currency)
    if story.rng.random() < 0.5:
        story.script.cancel(at + story.rng.randrange(20, 200) * DAY, at_period_end=story.rng.random() < 0.5, sub=key)
    return at


def _manual(story: Story, at: int) -> int:
    story.script.charge(at, story.rng.randrange(5, 90) * 1_000)
    return at


def _scheduled_change(story: Story, at: int) -> int:
    if story.price != "price_team_monthly" or story.extra is not None:
        return at
    on = at + story.rng.randrange(5, 50) * DAY
    story.quantity += 3
    story.script.schedule_change(at, on, story.price, story.quantity, sub=story.key)
    return on


def _metered(story: Story, at: int) -> int:
    names = {("month", 1): "price_calls_monthly", ("month", 3): "price_calls_quarterly", ("year", 1): "price_calls_annual"}
    price = names.get((story.interval[0] or "", story.interval[1]))
    if price is not None and "metered" not in story.used and story.extra is None:
        story.used.add("metered")
        story.extra = price
        story.script.add_item(at, price, 0, sub=story.key)
    return at


def _mixed(story: Story, at: int) -> int:
    if story.interval == ("month", 1) and story.extra is None:
        story.extra = "price_support_annual"
        story.script.add_item(at, story.extra, proration="always_invoice", sub=story.key)
    return at


def _metadata(story: Story, at: int) -> int:
    story.script.describe(at, company_size=story.rng.choice(SIZES))
    story.script.label(at, sub=story.key, note=f"n{story.rng.randrange(100)}")
    return at


def _delete(story: Story, at: int) -> None:
    story.script.delete(at)


# --- rarer things ---------------------------------------------------------------------------------------------------------------


def _many_items(story: Story, at: int) -> int:
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


def _offer(story: Story, at: int) -> int:
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


def _free_month(story: Story, at: int) -> int:
    if story.extra is not None or story.interval[0] != "month":
        return at
    until = at + story.rng.randrange(25, 60) * DAY
    story.script.give_trial(at, until, sub=story.key)
    return until


def _end_by_policy(story: Story, at: int) -> int | None:
    story.script.cancel(at, reason="canceled_by_retention_policy", sub=story.key)
    return _come_back(story, at)


def _unknown_status(story: Story, at: int) -> int:
    until = at + story.rng.randrange(3, 50) * DAY
    story.script.put_status(at, "hibernating", sub=story.key)
    story.script.put_status(until, "active", sub=story.key)
    return until


def _remade(story: Story, at: int) -> int:
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


def _scoped(story: Story, at: int) -> int:
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


def _prebilled(story: Story, at: int) -> int:
    key = story.new_key()
    story.script.subscribe(at, "price_analytics_monthly", key=key)
    story.script.prebill(at + story.rng.randrange(1, 25) * DAY, story.rng.randrange(3, 7), sub=key)
    story.script.cancel(at + story.rng.randrange(40, 300) * DAY, sub=key)
    return at


def _planned_pause(story: Story, at: int) -> int:
    on = at + story.rng.randrange(5, 40) * DAY
    until = on + story.rng.randrange(20, 90) * DAY if story.rng.random() < 0.8 else None
    story.script.plan_pause(at, on, until, sub=story.key)
    return until or on


def _taxed_discount(story: Story, at: int) -> int:
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


def _switch_currency(story: Story, at: int) -> int:
    """The same plan in another currency, from one second to the next."""
    if story.catalog.prices[story.price].options == ():
        return at
    story.script.cancel(at, sub=story.key)
    story.key = story.new_key()
    story.extra, story.discounted = None, False
    other = "gbp" if story.script.currency == "eur" else "eur"
    story.script.subscribe(at + 60, story.price, story.quantity, key=story.key, currency=other)
    return at + 60


def _lagging(story: Story, at: int) -> int:
    """Seats change, and for an hour a replica doesn't know."""
    story.script.lag(at, at + HOUR, 2 * HOUR)
    return _seats(story, at)
