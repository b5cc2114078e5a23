"""What a composition is worth a month: slow, plain, one item and one discount after another, written from the definitions alone.

It shares no code with `metrics.pricing.pricing`. `worth` answers with (list, net) micros of each item that counts.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from metrics.evidence import Coupon, Discount, Item, Price, Tier
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog

MINOR = {"jpy": 10**6, "kwd": 10**3}


@dataclass
class Held:
    """What a subscription consists of at some moment."""

    currency: str
    items: list[Item]
    discounts: list[Discount]


def months(price: Price, policy: Policy) -> Fraction | None:
    """Months in one billing period."""
    week = Fraction(12, 52) if policy.weeks == "52/12" else Fraction(1, 4)
    day = Fraction(12, 365) if policy.days == "365/12" else Fraction(1, 30)
    one = {"month": Fraction(1), "year": Fraction(12), "week": week, "day": day}.get(price.interval)
    return None if one is None or price.interval_count < 1 else one * price.interval_count


def tiered(price: Price, tiers: tuple[Tier, ...] | None, quantity: int | Fraction) -> Fraction | None:
    """Count the units one by one through the tiers, a last part of one too."""
    steps = list(tiers or ())
    if not steps or (steps[-1].up_to is not None and quantity > steps[-1].up_to):
        return None

    def holding(unit: int | Fraction) -> int:
        return next(n for n, t in enumerate(steps) if t.up_to is None or unit <= t.up_to)

    if price.tiers_mode == "volume":
        tier = steps[holding(quantity)]
        return Fraction(tier.unit or 0) * quantity + Fraction(tier.flat or 0)
    if price.tiers_mode != "graduated":
        return None
    total, touched = Fraction(0), set()
    left = Fraction(quantity)
    while left > 0:
        n = holding(quantity - left + 1)
        total += min(left, Fraction(1)) * Fraction(steps[n].unit or 0)
        touched.add(n)
        left -= 1
    return total + sum((Fraction(steps[n].flat or 0) for n in touched), Fraction(0))


def period_amount(price: Price, currency: str, quantity: int | Fraction | None) -> Fraction | None:
    """Minor units for one billing period, or None when nobody can say."""
    if quantity is None or quantity < 0:
        return None
    unit, tiers = price.unit, price.tiers
    if price.currency != currency:
        fitting = [o for o in price.options if o.currency == currency]
        if not fitting:
            return None
        unit, tiers = fitting[0].unit, fitting[0].tiers
    if price.scheme == "tiered":
        return tiered(price, tiers, quantity)
    if unit is None:
        return None
    packages: int | Fraction = quantity
    if price.transform is not None:
        packages = 0
        rest = quantity
        while rest >= price.transform.divide_by:
            rest -= price.transform.divide_by
            packages += 1
        if rest and price.transform.rounding == "up":
            packages += 1
    return Fraction(unit) * packages


def one_period_later(at: int, price: Price) -> int | None:
    """When the billing period that begins at `at` ends, by the calendar in UTC."""
    start = datetime.fromtimestamp(at, UTC)
    if price.interval in ("day", "week"):
        return int((start + timedelta(days=price.interval_count * (7 if price.interval == "week" else 1))).timestamp())
    if price.interval not in ("month", "year"):
        return None
    year, month = start.year, start.month
    for _ in range(price.interval_count * (12 if price.interval == "year" else 1)):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def running(d: Discount, at: int) -> bool:
    """Whether a discount is in force by its own dates."""
    return d.start <= at and (d.end is None or at < d.end)


def coupon_of(d: Discount, catalog: Catalog) -> Coupon | None:
    """The coupon behind a discount, if it is known what it takes off and for how long."""
    objects = [c for (name, version), c in catalog.coupon_versions.items() if (name, version) == (d.coupon, d.coupon_version)]
    objects = objects or [c for name, c in catalog.coupons.items() if name == d.coupon]
    for found in objects[:1]:
        bad = found.percent_off is not None and (found.percent_off < 0 or found.percent_off > 100)
        return found if found.duration in ("once", "repeating", "forever") and not bad else None
    return None


def price_of(item: Item, catalog: Catalog) -> Price | None:
    """The object that an item carries, else today's of its id."""
    for (name, version), found in catalog.price_versions.items():
        if item.price_version and name == item.price and version == item.price_version:
            return found
    return catalog.prices.get(item.price or "")


def counts(d: Discount, price: Price | None, at: int, catalog: Catalog, policy: Policy) -> bool:
    """Whether a discount lowers the MRR of an item with this price."""
    if not running(d, at) or policy.discounts == "none":
        return False
    coupon = coupon_of(d, catalog)
    if coupon is None or coupon.duration == "forever":
        return True
    if coupon.duration == "repeating":
        return policy.discounts in ("forever_repeating", "all")
    if policy.discounts != "all" or price is None:
        return False
    end = one_period_later(d.start, price)
    return end is not None and at < end


def off(coupon: Coupon, currency: str) -> int:
    """The amount off in a currency, 0 when the coupon doesn't state one."""
    if coupon.amount_off is not None and coupon.currency == currency:
        return coupon.amount_off
    return dict(coupon.amount_options).get(currency, 0) if coupon.amount_off is not None else 0


def worth(
    held: Held,
    at: int,
    catalog: Catalog,
    policy: Policy,
    customer_discount: Discount | None = None,
    tax: dict[str, Fraction] | None = None,
    usage: dict[str, Fraction] | None = None,
) -> dict[str, tuple[int, int]]:
    """(list, net) micros a month of each item that counts and can be priced."""
    price: dict[str, Price] = {}
    gross: dict[str, Fraction] = {}
    for item in held.items:
        found = price_of(item, catalog)
        if found is None or found.kind != "recurring" or months(found, policy) is None:
            continue
        if item.trial_end is not None and at in range(item.trial_start or 0, item.trial_end):
            continue
        if found.usage == "metered":
            if not policy.metered:
                continue
            amount: Fraction | None = (usage or {}).get(item.id, Fraction(0))
        else:
            exact = item.quantity if item.quantity_decimal is None else Fraction(item.quantity_decimal)
            amount = period_amount(found, held.currency, exact)
        if amount is not None:
            price[item.id], gross[item.id] = found, amount

    left = dict(gross)
    for item in held.items:
        if item.id in left:
            for d in item.discounts:
                if counts(d, price[item.id], at, catalog, policy):
                    take(left, [item.id], d, price, held.currency, catalog, own=True)
    everything = [price_of(i, catalog) for i in held.items]
    own = [d for d in held.discounts if any(counts(d, p, at, catalog, policy) for p in everything)]
    for d in own or ([customer_discount] if customer_discount is not None else []):
        reached = [i for i in left if counts(d, price[i], at, catalog, policy)]
        take(left, reached, d, price, held.currency, catalog)

    out = {}
    for name, amount in gross.items():
        share = Fraction(0) if policy.tax_inclusive_gross else (tax or {}).get(name, Fraction(0))
        per_month = MINOR.get(held.currency, 10**4) * (1 - share) / (months(price[name], policy) or 1)
        out[name] = (round(amount * per_month), round(left[name] * per_month))
    return out


def is_for(coupon: Coupon, product: str, d: Discount) -> bool:
    """Whether a coupon is for a product; where nobody knows, all but what its lines show to be outside."""
    if coupon.products is not None:
        return product in coupon.products
    return product in d.shown_on or product not in d.shown_off


def take(
    left: dict[str, Fraction],
    reached: list[str],
    d: Discount,
    price: dict[str, Price],
    currency: str,
    catalog: Catalog,
    *,
    own: bool = False,
) -> None:
    """Take one discount off the items that it reaches."""
    coupon = coupon_of(d, catalog)
    if coupon is None:
        return
    fitting = [i for i in reached if own or is_for(coupon, price[i].product, d) or (coupon.scope_told and coupon.products is None)]
    if own and coupon.products is not None:
        fitting = [i for i in reached if price[i].product in coupon.products]
    if coupon.percent_off is not None:
        for i in fitting:
            left[i] -= left[i] * Fraction(coupon.percent_off) / 100
        return
    whole = sum((left[i] for i in fitting), Fraction(0))
    amount = min(Fraction(off(coupon, currency)), whole)
    shares = {i: amount * left[i] / whole for i in fitting if whole}
    for i, share in shares.items():
        left[i] -= share
