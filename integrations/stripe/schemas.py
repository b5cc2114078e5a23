"""The few fields of Stripe's objects that MRR needs, as typed structs that a page of bytes decodes into directly.

One struct reads every generation of the API: a field that only old or only new versions have is simply absent, so which one a
reply belongs to is decided by the fields present and never by its version. Everything may be missing or null here: what an object
must have is asked for in `integrations.stripe.decode`, where its absence gets a name. Nothing in this module computes.

Amounts are whole numbers or exact decimals, never floats. Whole numbers must fit the database's BIGINT; a larger one makes the
object unusable. Enumerations are plain strings, because new values appear at any time.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec

from metrics.evidence import Instant

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
When = Annotated[Instant, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A moment, as Stripe writes it and as we do."""
T = TypeVar("T")


class Shape(msgspec.Struct, gc=False):
    """A piece of a reply. It can hold no reference cycle, so the collector need not look at it."""

    KIND: ClassVar[str] = ""
    """The kind of object that it is, where Stripe lists such or gives one by its id."""


class Moded(Shape, kw_only=True):
    """An object that says of which mode it is: `livemode` is true or false; whatever else stands there says nothing."""

    livemode: Any = None


class Ref(Shape):
    """An object of which only its id matters here, expanded or deleted as it may be."""

    id: str | None = None
    deleted: bool | None = None


Id = str | Ref | None
"""An id, or the object itself where it was expanded."""


class PageOf(Shape, Generic[T]):
    """A list answer. Both fields are required: an answer without them is no list."""

    data: list[T]
    has_more: bool


class Sublist(Shape, Generic[T]):
    """A list inside an object: its first entries."""

    data: list[T] | None = None
    has_more: bool | None = None

    @property
    def complete(self) -> bool:
        """Whether it says that these are all: a list that doesn't say so proves presence, never absence."""
        return self.data is not None and self.has_more is False


# --- catalog -----------------------------------------------------------------------------------------------------------


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
    """Where a discount comes from, on versions from clover on."""

    coupon: str | Coupon | None = None


class Discount(Shape):
    """A coupon in force: it hangs off the discount itself up to basil, off its source later."""

    id: str | None = None
    deleted: bool | None = None
    coupon: str | Coupon | None = None
    source: DiscountSource | None = None
    start: Whole | None = None
    end: Whole | None = None
    customer: Id = None
    customer_account: str | None = None
    subscription: Id = None
    subscription_item: str | None = None
    invoice: Id = None
    invoice_item: str | None = None


# --- customers --------------------------------------------------------------------------------------


class Address(Shape):
    """An address, of which the country is enough."""

    country: str | None = None


class Shipping(Shape):
    """Where things are sent."""

    address: Address | None = None


class Customer(Moded):
    """A customer; name and e-mail go no further unless somebody asked for them."""

    KIND = "customer"

    id: str | None = None
    name: str | None = None
    email: str | None = None
    deleted: bool | None = None
    created: Whole | None = None
    currency: str | None = None
    address: Address | None = None
    shipping: Shipping | None = None
    discount: Discount | msgspec.UnsetType | None = msgspec.UNSET
    """Null says that there is none; a customer without the field says nothing about it."""
    metadata: dict[str, str | None] | None = None
    test_clock: Id = None
    customer_account: str | None = None


# --- events and the account ---------------------------------------------------------------------------------------------


class EventData(Shape):
    """What an event is about, left undecoded: its shape is that of the version in force when it arose."""

    object: msgspec.Raw = msgspec.Raw(b"null")
    previous_attributes: msgspec.Raw = msgspec.Raw(b"null")


class Event(Moded):
    """An event."""

    KIND = "event"

    id: str | None = None
    type: str | None = None
    created: Whole | None = None
    data: EventData | None = None


class Dated(Shape):
    """Just enough of any object to follow a list: also of one that can't be used."""

    id: str | None = None
    created: Whole | None = None
    livemode: bool | None = None


class Dashboard(Shape):
    """How an account calls itself."""

    display_name: str | None = None


class AccountSettings(Shape):
    """Settings of an account."""

    dashboard: Dashboard | None = None


class BusinessProfile(Shape):
    """The public face of an account."""

    name: str | None = None


class Account(Shape):
    """The account that a key belongs to."""

    id: str | None = None
    country: str | None = None
    default_currency: str | None = None
    business_profile: BusinessProfile | None = None
    settings: AccountSettings | None = None
