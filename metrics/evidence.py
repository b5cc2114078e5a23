"""Our own words for what Stripe said.

Every fact the engine may use is one of these values. The Stripe adapter makes them, the store keeps them, and the engine derives
everything else from them: nothing here knows Stripe's field names, and nothing here is ever changed after it was made.

Instants are whole seconds since the epoch in UTC, which is what Stripe dates things with: a plain integer can't be naive.
Amounts are in the currency's minor unit, as exact integers or decimals, until `metrics.pricing` turns them into micros.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import NewType

Instant = NewType("Instant", int)
"""Whole seconds since 1970-01-01T00:00:00Z."""


# --- the catalog: what things cost -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a tiered price; `up_to` is inclusive, None is without end."""

    up_to: int | None
    unit: Decimal | None
    flat: Decimal | None


@dataclass(frozen=True, slots=True)
class Transform:
    """Quantity is divided by `divide_by` and rounded before it is priced (packages of ten, say)."""

    divide_by: int
    rounding: str  # "up" | "down"


@dataclass(frozen=True, slots=True)
class CurrencyOption:
    """What a price costs in a currency other than its own."""

    currency: str
    unit: Decimal | None
    tiers: tuple[Tier, ...] | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """A price (or an old plan). `tiers` is None when the price is tiered but its tiers were not in what we read."""

    id: str
    product: str
    currency: str
    kind: str = "recurring"  # | "one_time"
    usage: str = "licensed"  # | "metered"
    interval: str = "month"  # day | week | month | year
    interval_count: int = 1
    scheme: str = "per_unit"  # | "tiered"
    tiers_mode: str | None = None  # graduated | volume
    unit: Decimal | None = None
    tiers: tuple[Tier, ...] | None = None
    transform: Transform | None = None
    options: tuple[CurrencyOption, ...] = ()
    tax_behavior: str = "unspecified"
    nickname: str | None = None


@dataclass(frozen=True, slots=True)
class Coupon:
    """What a discount takes off. `products` None means that it applies to everything."""

    id: str
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None
    amount_options: tuple[tuple[str, int], ...] = ()
    duration: str = "forever"  # once | repeating | forever
    months: int | None = None
    products: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product, kept for its name in labels and segments."""

    id: str
    name: str | None = None


# --- the state of a subscription at a moment ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Discount:
    """A coupon in force on something from `start` until `end` (None: no end known). `coupon` is the coupon's id."""

    id: str
    coupon: str | None
    start: Instant
    end: Instant | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One priced line of a subscription."""

    id: str
    price: str | None
    quantity: int | None
    discounts: tuple[Discount, ...] = ()
    period_start: Instant | None = None
    period_end: Instant | None = None
    trial_end: Instant | None = None
    """End of this item's own trial (a trial offer), apart from the subscription's."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Collection is paused: `behavior` is void, mark_uncollectible or keep_as_draft."""

    behavior: str
    resumes_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A whole subscription as Stripe described it once."""

    id: str
    customer: str
    status: str
    currency: str
    created: Instant
    start: Instant
    items: tuple[Item, ...]
    items_complete: bool = True
    """False when Stripe inlined only the first items and the rest were not read."""
    discounts: tuple[Discount, ...] = ()
    trial_start: Instant | None = None
    trial_end: Instant | None = None
    cancel_at: Instant | None = None
    cancel_at_period_end: bool = False
    canceled_at: Instant | None = None
    ended_at: Instant | None = None
    pause: Pause | None = None
    paused_at: Instant | None = None
    cancel_reason: str | None = None
    cancel_feedback: str | None = None
    schedule: str | None = None
    test_clock: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()


class Source(IntEnum):
    """Where a state comes from. On the same second they are put in this order: what was, what is, what was listed."""

    EVENT_BEFORE = 1
    EVENT = 2
    SNAPSHOT = 3


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """`subscription` was true at `at`, as `source` says. `source_id` is the event's id, empty for a snapshot."""

    at: Instant
    source: Source
    source_id: str
    subscription: Subscription


# --- customers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer without personal data: what segments and discounts need."""

    id: str
    created: Instant | None = None
    deleted: bool = False
    currency: str | None = None
    country: str | None = None
    discount: Discount | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    test_clock: str | None = None
    described: tuple[Discount, ...] = ()
    """Discounts on the customer's subscriptions that an event described, which name them by id only. Such a state says nothing else."""


@dataclass(frozen=True, slots=True)
class CustomerState:
    """`customer` was so at `at`, as `source` says."""

    at: Instant
    source: Source
    source_id: str
    customer: Customer


# --- invoices: the evidence for the time before events -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invoice:
    """The head of an invoice; drafts are kept for their dates, their lines are no evidence."""

    id: str
    customer: str | None
    subscription: str | None
    status: str
    """draft, open, paid, void, uncollectible, or one that Stripe adds later."""
    created: Instant
    currency: str
    billing_reason: str | None = None
    amount_paid: int = 0
    finalized_at: Instant | None = None
    paid_at: Instant | None = None
    voided_at: Instant | None = None
    uncollectible_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line that belongs to a subscription.

    `amount` and `inclusive_tax` are minor units. `discounts` are the discounts in force on the line with what each took off.
    """

    id: str
    invoice: str
    subscription: str
    item: str | None
    price: str | None
    quantity: int | None
    amount: int
    currency: str
    period_start: Instant
    period_end: Instant
    proration: bool = False
    discounts: tuple[tuple[Discount, int], ...] = ()
    inclusive_tax: int = 0
    credited_lines: tuple[str, ...] = ()

    @property
    def gives_back(self) -> bool:
        """Whether the line takes back what was billed before: it names the state that was, not the one that is."""
        return self.proration and (self.amount < 0 or bool(self.credited_lines))


@dataclass(frozen=True, slots=True)
class InvoiceEvidence:
    """An invoice with those of its lines that belong to a subscription."""

    head: Invoice
    lines: tuple[InvoiceLine, ...] = ()


# --- what is handed to the engine ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that has a price, by id."""

    prices: dict[str, Price] = field(default_factory=dict)
    coupons: dict[str, Coupon] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscriptionEvidence:
    """All that is known of one subscription, in any order."""

    account: int
    subscription: str
    states: tuple[SubscriptionState, ...] = ()
    invoices: tuple[InvoiceEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerEvidence:
    """All that is known of one Stripe customer: its own states and its subscriptions."""

    account: int
    customer: str
    states: tuple[CustomerState, ...]
    subscriptions: tuple[SubscriptionEvidence, ...]


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """The Stripe customers that are one customer, with all their evidence. `customer` is its name in the ledger."""

    customer: str
    members: tuple[CustomerEvidence, ...]


# --- what is said about data that can't be used ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the data that a reader of the numbers must know; never silently dropped.

    `reason` is a stable word (unknown_price, gap, voided_cycle_invoice, inferred_change …), `object_id` names the Stripe object,
    `detail` says in a sentence what was done about it. `at` dates it when the data does.
    """

    account: int
    object_id: str
    reason: str
    detail: str
    customer: str | None = None
    at: Instant | None = None
    severity: str = "notice"  # notice | warning | error
