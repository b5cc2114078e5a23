"""Which discounts are in force on a subscription at a moment, and what each takes off its items.

The order is Stripe's. "Subscription item discounts are applied before subscription discounts" (Stripe's API reference, on
`subscription.discounts` and `subscription_item.discounts`); within a level they are taken in the order in which they are listed, each
off what the one before left. A customer's discount holds for all of its subscriptions (stripe/stripe-java issue 159), but is inherited
by an invoice only when nothing else is given ("If not specified, inherits the discount from the customer or subscription", on
`invoice.discounts`), and a discount on the subscription overrides it (bitwarden/server pull request 7831, which had to merge them
by hand). Since 2025-03-31.basil a customer can't be given one any more (stripe/stripe-python issue 1525); those given before live on.

Amounts here are minor units for one billing period, exact; this module must not round, and knows nothing of months but for the one
invoice that a `once` coupon is good for.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from metrics.assigned import assigned, replace
from metrics.evidence import Coupon, Discount, Instant, Price, Subscription
from metrics.policy import LOWERING, Policy
from metrics.pricing.catalog import Catalog

_DURATIONS: Final = LOWERING["all"]
_DAY: Final = 86_400
_ZERO: Final = Fraction(0)


@assigned
@dataclass(frozen=True, slots=True)
class InForce:
    """A discount that counts at a moment. `coupon` is None when nobody knows what it takes off; `problem` then says why.

    With a coupon a `problem` says why it may be another one. `reaches` says for each item of the subscription, in their order, whether the discount still holds for it: a `once` coupon is good
    for one billing period, and items may differ in theirs.
    """

    discount: Discount
    coupon: Coupon | None
    reaches: tuple[bool, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """What one discount took off one item's amount for a billing period. `full` is the coupon's whole amount off, if it has one."""

    coupon: str | None
    """The coupon's id; where nobody told it, "of" and the discount's."""
    level: str  # item | subscription | customer
    taken: Fraction
    percent: Fraction | None
    full: Fraction | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What discounts leave of one item's amount, with each cut in its order and the first problem met on the way."""

    amount: Fraction
    cuts: tuple[Cut, ...] = ()

    @property
    def problem(self) -> str | None:
        """Why the discounts on this item can't be told in full, if so."""
        return next((c.problem for c in self.cuts if c.problem), None)

    @property
    def doubtful(self) -> str | None:
        """The coupon that this is about."""
        return next((c.coupon for c in self.cuts if c.problem), None)


def in_force(
    discounts: Sequence[Discount], at: Instant, subscription: Subscription, catalog: Catalog, policy: Policy
) -> tuple[InForce, ...]:
    """Those of `discounts` that hold at `at` (start <= at < end) and count under `policy`, in their order.

    One whose coupon is unknown is among them, unless no discount counts at all: it may well count.
    """
    if not discounts or policy.discounts == "none":
        return ()
    everything = (True,) * len(subscription.items)
    out = []
    for discount in discounts:
        if at < discount.start or (discount.end is not None and at >= discount.end):
            continue
        coupon = catalog.coupon_of(discount)
        problem = problem_of(discount, coupon)
        if coupon is None or problem in NOTHING_OFF:
            out.append(InForce(discount, None, everything, problem))
        elif coupon.duration in LOWERING[policy.discounts]:
            reaches = everything if coupon.duration != "once" else _unspent(discount, at, subscription, catalog)
            if any(reaches):
                out.append(InForce(discount, coupon, reaches, problem))
    return tuple(out)


NOTHING_OFF: Final = frozenset({"unknown_coupon", "coupon_duration_unknown", "coupon_percent_unknown", "coupon_two_amounts"})
"""Problems of a coupon that takes nothing off because of them."""


def problem_of(discount: Discount, coupon: Coupon | None) -> str | None:
    """Why a coupon can't be used as it is, or may not be the one that the discount was given for."""
    if coupon is None or (coupon.percent_off is None and (coupon.amount_off is None or coupon.amount_off < 0)):
        return "unknown_coupon"
    if coupon.duration not in _DURATIONS:
        return "coupon_duration_unknown"
    if coupon.percent_off is not None and not 0 <= coupon.percent_off <= 100:
        return "coupon_percent_unknown"
    if coupon.percent_off is not None and (coupon.amount_off is not None or coupon.amount_options):
        return "coupon_two_amounts"  # Stripe's coupons have one of the two: which of them its invoices take off isn't known
    if not discount.coupon_version and coupon.created is not None and 0 < discount.start < coupon.created - _DAY:
        return "coupon_version_unknown"  # made again under its id after the discount had begun, and the first one was never seen
    if coupon.duration == "repeating" and discount.end is None and not coupon.months:
        return "discount_end_unknown"
    return None


def once_ends(discount: Discount, subscription: Subscription, catalog: Catalog) -> tuple[Instant, ...]:
    """When a `once` discount has had its one invoice, for each item whose price is known: one billing period after its start."""
    ends = (_once_end(discount, catalog.price_of(item)) for item in subscription.items)
    return tuple(end for end in ends if end is not None)


def _unspent(discount: Discount, at: Instant, subscription: Subscription, catalog: Catalog) -> tuple[bool, ...]:
    ends = [_once_end(discount, catalog.price_of(item)) for item in subscription.items]
    return tuple(end is not None and at < end for end in ends)


def _once_end(discount: Discount, price: Price | None) -> Instant | None:
    start = datetime.fromtimestamp(discount.start, UTC)
    count = price.interval_count if price else 0
    match price.interval if price else None:
        case "day":
            end = start + timedelta(days=count)
        case "week":
            end = start + timedelta(weeks=count)
        case "month":
            return months_later(discount.start, count)
        case "year":
            return months_later(discount.start, 12 * count)
        case _:
            return None
    return Instant(int(end.timestamp()))


def months_later(at: Instant, months: int) -> Instant:
    """The same day and time `months` later, or that month's last day: as Stripe's billing cycles go, in UTC."""
    start = datetime.fromtimestamp(at, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    later = start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))
    return Instant(int(later.timestamp()))


def levels(
    subscription: Subscription, at: Instant, catalog: Catalog, policy: Policy, customer_discount: Discount | None
) -> tuple[tuple[tuple[InForce, ...], ...], tuple[InForce, ...], str]:
    """The discounts in force: for each item its own, then those on the whole, and at which level these hang.

    A customer's discount counts where the subscription has none of its own that counts. One that the policy leaves out is as if it
    were not there; were it still to hide the customer's, MRR would rise at its start and fall at its end.
    """
    items = tuple(in_force(item.discounts, at, subscription, catalog, policy) for item in subscription.items)
    own = in_force(subscription.discounts, at, subscription, catalog, policy)
    if own or customer_discount is None:
        return items, own, "subscription"
    return items, in_force((customer_discount,), at, subscription, catalog, policy), "customer"


def take_off(
    amounts: Sequence[Fraction | None],
    subscription: Subscription,
    at: Instant,
    catalog: Catalog,
    policy: Policy,
    customer_discount: Discount | None,
) -> tuple[Left, ...]:
    """What the discounts in force leave of `amounts`: minor units for each item's billing period, None for an item that takes no part.

    A percentage is of what is left. An amount off the whole is shared over the items that it applies to in proportion to what is left
    of them; no item falls below zero. A coupon of which nobody knows what it is for counts for every item but those whose lines show
    that it isn't for them, and is a problem of each item that no line speaks of; an item's own discount is for that item.
    """
    prices = [catalog.price_of(item) for item in subscription.items]
    left = [amount or _ZERO for amount in amounts]
    cuts: list[list[Cut]] = [[] for _ in amounts]
    own, whole, level = levels(subscription, at, catalog, policy, customer_discount)
    steps = [(held, "item", [index]) for index, each in enumerate(own) for held in each]
    steps += [(held, level, list(range(len(left)))) for held in whole]
    for held, where, candidates in steps:
        applies = {i: _applies(held, where, prices[i]) for i in candidates if amounts[i] is not None and held.reaches[i]}
        reached = [i for i, so in applies.items() if so is not False]
        total = sum((left[i] for i in reached), _ZERO)
        for i in reached:
            cut = _cut(held, where, left[i], total, subscription.currency)
            if applies[i] is None and cut.problem is None:
                cut = replace(cut, problem="discount_scope_unknown")
            cuts[i].append(cut)
            left[i] -= cut.taken
    return tuple(Left(amount, tuple(each)) for amount, each in zip(left, cuts, strict=True))


def _applies(held: InForce, level: str, price: Price | None) -> bool | None:
    """Whether a discount is for an item with this price; None when nothing says."""
    coupon, product = held.coupon, price.product if price is not None else ""
    if coupon is None:
        return True
    if coupon.products is not None:
        return product in coupon.products
    if coupon.scope_told or level == "item" or product in held.discount.shown_on:
        return True
    return False if product in held.discount.shown_off else True if coupon.scope_asked else None


def _cut(held: InForce, level: str, left: Fraction, total: Fraction, currency: str) -> Cut:
    """What a discount takes off `left`, which is this item's part of the `total` that the discount applies to."""
    coupon, name = held.coupon, held.discount.coupon or f"of {held.discount.id}"
    if coupon is not None and coupon.percent_off is not None:
        percent = Fraction(coupon.percent_off)
        return Cut(name, level, left * percent / 100, percent, None, held.problem)
    if coupon is None or coupon.amount_off is None:
        return Cut(name, level, _ZERO, None, None, held.problem or "unknown_coupon")
    full = _amount_off(coupon, currency)
    if full is None:
        return Cut(name, level, _ZERO, None, None, "coupon_currency_unknown")
    taken = left * min(full, total) / total if total else _ZERO
    return Cut(name, level, taken, None, full, held.problem)


def _amount_off(coupon: Coupon, currency: str) -> Fraction | None:
    """Minor units of `currency` that the coupon takes off, if it says so for that currency."""
    if coupon.amount_off is not None and coupon.currency is not None and coupon.currency.lower() == currency.lower():
        return Fraction(coupon.amount_off)
    options = {code.lower(): amount for code, amount in coupon.amount_options}
    return Fraction(options[currency.lower()]) if currency.lower() in options else None
