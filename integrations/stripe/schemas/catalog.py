"""Prices, products, coupons and discounts, as typed structs; the rules of `integrations.stripe.schemas.shape` hold here."""

from decimal import Decimal

from integrations.stripe.schemas.shape import Id, Moded, Shape, Whole


class Product(Moded):
    """A product."""

    KIND = "product"

    id: str | None = None
    created: Whole | None = None
    name: str | None = None
    deleted: bool | None = None


class Tier(Shape):
    """One step of a tiered price; `up_to` is null or "inf" in the last."""

    up_to: Whole | str | None = None
    unit_amount: Whole | None = None
    unit_amount_decimal: Decimal | None = None
    flat_amount: Whole | None = None
    flat_amount_decimal: Decimal | None = None


class Recurring(Shape):
    """How often a price recurs."""

    interval: str | None = None
    interval_count: Whole | None = None
    usage_type: str | None = None


class Transform(Shape):
    """`transform_quantity` of a price, `transform_usage` of a plan."""

    divide_by: Whole | None = None
    round: str | None = None


class CurrencyOption(Shape):
    """What a price costs in another currency."""

    unit_amount: Whole | None = None
    unit_amount_decimal: Decimal | None = None
    tiers: list[Tier] | None = None


class Price(Moded):
    """A price."""

    KIND = "price"

    id: str | None = None
    created: Whole | None = None
    deleted: bool | None = None
    product: str | Product | None = None
    currency: str | None = None
    type: str | None = None
    recurring: Recurring | None = None
    billing_scheme: str | None = None
    tiers_mode: str | None = None
    tiers: list[Tier] | None = None
    unit_amount: Whole | None = None
    unit_amount_decimal: Decimal | None = None
    transform_quantity: Transform | None = None
    currency_options: dict[str, CurrencyOption] | None = None
    tax_behavior: str | None = None
    nickname: str | None = None


class Plan(Moded):
    """A plan, the older word for a recurring price; it has the same id as the price that stands for it."""

    KIND = "plan"

    id: str | None = None
    created: Whole | None = None
    deleted: bool | None = None
    product: str | Product | None = None
    currency: str | None = None
    interval: str | None = None
    interval_count: Whole | None = None
    usage_type: str | None = None
    billing_scheme: str | None = None
    tiers_mode: str | None = None
    tiers: list[Tier] | None = None
    amount: Whole | None = None
    amount_decimal: Decimal | None = None
    transform_usage: Transform | None = None
    nickname: str | None = None


class AppliesTo(Shape):
    """The products that a coupon is for."""

    products: list[str] | None = None


class CouponOption(Shape):
    """What a coupon takes off in another currency."""

    amount_off: Whole | None = None


class Coupon(Moded):
    """A coupon."""

    KIND = "coupon"

    id: str | None = None
    created: Whole | None = None
    deleted: bool | None = None
    percent_off: Decimal | None = None
    amount_off: Whole | None = None
    currency: str | None = None
    duration: str | None = None
    duration_in_months: Whole | None = None
    applies_to: AppliesTo | None = None
    currency_options: dict[str, CouponOption] | None = None


class DiscountSource(Shape):
    """Where a discount or a promotion code comes from, on versions from clover on."""

    coupon: str | Coupon | None = None


class PromotionCode(Shape):
    """The code that a coupon was redeemed by; the coupon hangs off itself in old versions, off its promotion later."""

    id: str | None = None
    coupon: str | Coupon | None = None
    promotion: DiscountSource | None = None


class Discount(Shape):
    """A coupon in force: it hangs off the discount itself up to basil, off its source later."""

    id: str | None = None
    deleted: bool | None = None
    coupon: str | Coupon | None = None
    source: DiscountSource | None = None
    promotion_code: str | PromotionCode | None = None
    start: Whole | None = None
    end: Whole | None = None
    customer: Id = None
    customer_account: str | None = None
    subscription: Id = None
    subscription_item: str | None = None
    invoice: Id = None
    invoice_item: str | None = None
