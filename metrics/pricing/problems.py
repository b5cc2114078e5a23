"""What is wrong with the price of an item or with its discounts, in words that a support person can act on.

A reason is a stable word, stored with the finding; the words say what counts meanwhile and what to do. Nothing here judges anything.
"""

from collections.abc import Mapping
from typing import Final

_LOOK: Final = "look the price up in Stripe, and sync again"
PROBLEMS: Final[Mapping[str, str]] = {
    "unknown_price": f"nobody knows this price; the item is left out until it is known: {_LOOK}",
    "quantity_missing": "its quantity is not known; it counts 0 until an event or a listing says it",
    "currency_unknown": "the price has no amount in the subscription's currency; it counts 0: add the currency to the price, or look at the subscription in Stripe",
    "unit_unknown": f"the price states no amount; it counts 0: {_LOOK}",
    "unit_negative": "the price charges less than nothing, which Stripe's prices never do; it counts 0: look the price up in Stripe",
    "tiers_unknown": "the tiers of the price are not known, or don't fit together; it counts 0: a deleted price never tells its tiers, so move the item to another",
    "transform_unknown": f"nobody knows how its quantity is to be divided; it counts 0: {_LOOK}",
    "scheme_unknown": f"nobody knows the billing scheme of the price; it counts 0: {_LOOK}",
    "interval_unknown": f"nobody knows how often the price is billed; it counts 0: {_LOOK}",
    "price_type_unknown": f"nobody knows whether the price is billed once or again and again; it counts 0: {_LOOK}",
    "price_type_assumed": f"its type is one that nobody knows; since the price says how often it recurs, it counts as recurring: {_LOOK}",
    "usage_unknown": f"nobody knows whether the price is charged by quantity or by usage; it counts 0: {_LOOK}",
    "unknown_coupon": "nobody knows what coupon {coupon} takes off; nothing is taken off: a deleted coupon is told only by what carries it, so look at the subscription in Stripe",
    "coupon_currency_unknown": "coupon {coupon} has no amount in the subscription's currency; nothing is taken off: look at the coupon in Stripe",
    "coupon_duration_unknown": "nobody knows how long coupon {coupon} lasts; nothing is taken off: look at the coupon in Stripe",
    "coupon_percent_unknown": "coupon {coupon} takes off less than nothing or more than everything; nothing is taken off: look at the coupon in Stripe",
    "coupon_two_amounts": "coupon {coupon} says both a percentage and an amount, of which Stripe's coupons have one; nothing is taken off: "
    "look at the coupon in Stripe, and at what its invoices take off",
    "coupon_version_unknown": "coupon {coupon} was made after this discount had begun, so an earlier one of that id was given, which nothing shows; "
    "today's is taken off: look at the discount in Stripe",
    "discount_end_unknown": "coupon {coupon} is for some months, and neither how many nor when the discount ends was said; it is taken off as long as "
    "the discount is seen: look at the discount in Stripe",
    "discount_scope_unknown": "which products coupon {coupon} is for was never said, and no invoice line shows it for this item; it is taken off: "
    "look at the discount in Stripe; the item's next invoice will tell",
}
"""By reason; `{coupon}` is the coupon's id."""


def in_words(reason: str, coupon: str | None) -> str:
    """The words for a reason."""
    return PROBLEMS.get(reason, reason).replace("{coupon}", coupon or "without an id")
