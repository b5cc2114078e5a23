"""Our own words for what Stripe said.

Every fact the engine may use is one of these values. The Stripe adapter makes them, the store keeps them, and the engine derives
everything else from them: nothing here knows Stripe's field names, and nothing here is ever changed after it was made.

Instants are whole seconds since the epoch in UTC, which is what Stripe dates things with: a plain integer can't be naive.
Amounts are in the currency's minor unit, as exact integers or decimals, until `metrics.pricing.pricing` turns them into micros.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Literal

from metrics.assigned import assigned
from metrics.instants import Instant as Instant  # noqa: PLC0414  # whoever reads evidence takes both from here

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
    created: Instant | None = None
    """When it was made: what tells two objects of one id apart, one deleted and one made again. None: not said."""
    type_told: str = ""
    """Its type as Stripe gave it, where that is none that is known here though it says how often the price recurs; else empty."""


@dataclass(frozen=True, slots=True)
class Coupon:
    """What a discount takes off. `products` None means that it applies to everything, if `scope_told`.

    `duration` is Stripe's word (once, repeating, forever, or one that is added later), empty where it was not said.
    """

    id: str
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None
    amount_options: tuple[tuple[str, int], ...] = ()
    duration: str = "forever"  # once | repeating | forever
    months: int | None = None
    products: tuple[str, ...] | None = None
    created: Instant | None = None
    """When it was made: what tells two objects of one id apart, one deleted and one made again. None: not said."""
    scope_told: bool = True
    """False when the products that it is for were not in what we read: `products` None then says nothing."""
    scope_asked: bool = False
    """Whether what carries it was asked for them and said none: then it is for everything, unless invoice lines show otherwise."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product, kept for its name in labels and segments."""

    id: str
    name: str | None = None


# --- the state of a subscription at a moment ---------------------------------------------------------------------------


@assigned
@dataclass(frozen=True, slots=True)
class Discount:
    """A coupon in force on something from `start` until `end` (None: no end known). `coupon` is the coupon's id."""

    id: str
    coupon: str | None
    start: Instant
    end: Instant | None = None
    coupon_version: str = ""
    """Which object of the coupon's id it is (`metrics.pricing.object_versions.version_of`), where the coupon itself was inlined; else empty."""
    shown_on: tuple[str, ...] = ()
    """Products from whose invoice lines the discount took something: set only while deriving, where the coupon's scope is unknown."""
    shown_off: tuple[str, ...] = ()
    """Products whose lines stood beside those and were left whole: set as `shown_on` is."""


@assigned
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
    discounts_complete: bool = True
    """False when it was not said which discounts the item has: one that isn't among them may be there all the same."""
    billed_until: Instant | None = None
    """Until when the item is billed already, where that is beyond its period (prebilling)."""
    quantity_decimal: Decimal | None = None
    """The exact quantity, only where it is no whole number; `quantity` is it cut to a whole one."""
    price_version: str = ""
    """Which object of the price's id it is (`metrics.pricing.object_versions.version_of`), where the price itself was inlined; else empty."""
    trial_start: Instant | None = None
    """Start of this item's own trial; None where it isn't told: then it is on trial from the first up to `trial_end`."""
    decimal_told: bool = True
    """False when only a whole quantity was said (older answers cut it): there may be a fraction beside it."""

    def on_trial(self, at: Instant) -> bool:
        """Whether the item is on a trial of its own at a moment."""
        return self.trial_end is not None and at < self.trial_end and (self.trial_start is None or self.trial_start <= at)


@dataclass(frozen=True, slots=True)
class Pause:
    """Collection is paused: `behavior` is void, mark_uncollectible or keep_as_draft."""

    behavior: str
    resumes_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """A change that was asked for and waits for its payment until `expires_at`: no part of the state yet, and perhaps never.

    `items` are all the items that there would be, None when they stay as they are or weren't said.
    """

    expires_at: Instant | None = None
    items: tuple[Item, ...] | None = None
    trial_end: Instant | None = None


@dataclass(frozen=True, slots=True)
class BillingSchedule:
    """Prebilling: items at `prices` (None: all items) are billed ahead until `until`. Lines then reach far, and no item lives longer for it."""

    key: str
    until: Instant | None = None
    prices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScheduledDiscount:
    """A discount that a phase brings: a coupon (by its id), or a discount that there is already (`discount`), until `end` if that is said."""

    coupon: str | None = None
    discount: str | None = None
    end: Instant | None = None


@dataclass(frozen=True, slots=True)
class ScheduledItem:
    """An item as a phase will have it. `quantity` None: not said, as with metered prices."""

    price: str | None
    quantity: int | None = None
    discounts: tuple[ScheduledDiscount, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduledPhase:
    """What a subscription is to be in [start, end): known future where it has not begun, and no evidence of what was."""

    start: Instant
    end: Instant | None
    currency: str | None = None
    items: tuple[ScheduledItem, ...] = ()
    discounts: tuple[ScheduledDiscount, ...] = ()
    trial: bool = False
    """Whether the whole phase is a trial."""
    trial_end: Instant | None = None


@dataclass(frozen=True, slots=True)
class PlannedPause:
    """A pause that is planned: from `pause_at` until `resume_at`, if that is said. Statuses are Stripe's: scheduled, succeeded, error."""

    pause_at: Instant | None
    resume_at: Instant | None = None
    pause_status: str | None = None
    resume_status: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A subscription's schedule: what is to come, by dates that are known. `status` is Stripe's, `end_behavior` cancel, release or so.

    `phases` and `pauses` are None where they were not said.
    """

    id: str
    status: str | None = None
    end_behavior: str | None = None
    phases: tuple[ScheduledPhase, ...] | None = None
    pauses: tuple[PlannedPause, ...] | None = None


@assigned
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
    discounts_complete: bool = True
    """False when it was not said which discounts the subscription has: one that isn't among them may be there all the same."""
    customer_account: str | None = None
    """The id of the account (acct_...) that stands for the customer, where Stripe names it."""
    pending_update: PendingUpdate | None = None
    managed_payments: bool | None = None
    """Whether Stripe is the merchant of record; None where that isn't said, as by all but the newest versions."""
    billing_schedules: tuple[BillingSchedule, ...] = ()
    plan: Schedule | None = None
    """What the schedule says, where it was expanded: listings have it, events name only its id. None: not said, or no schedule."""


GONE = "gone"
"""A status of our own: Stripe knows no such subscription any more, though nothing said that it ended."""


class Source(IntEnum):
    """Where a state comes from. On the same second they are put in this order: what was, what is, what was listed."""

    EVENT_BEFORE = 1
    EVENT = 2
    SNAPSHOT = 3


@assigned
@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """`subscription` was true at `at`, as `source` says. `source_id` is the event's id, empty for a snapshot.

    `seen` are further moments, in order, at which a listing said the same, with no other state of it in between.
    """

    at: Instant
    source: Source
    source_id: str
    subscription: Subscription
    seen: tuple[Instant, ...] = ()


# --- customers -----------------------------------------------------------------------------------------------------------


@assigned
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
    discount_told: bool = True
    """False when the customer came without the field of its discount: then None says nothing about it."""
    customer_account: str | None = None
    """The id of the account (acct_...) that stands for the customer, where Stripe names it."""
    metadata_told: bool = True
    """False when the customer came without metadata, as a deleted one does: what is known of them still holds."""


@assigned
@dataclass(frozen=True, slots=True)
class CustomerState:
    """`customer` was so at `at`, as `source` says, and at each moment of `seen` still."""

    at: Instant
    source: Source
    source_id: str
    customer: Customer
    seen: tuple[Instant, ...] = ()


# --- invoices: the evidence for the time before events -----------------------------------------------------------------


@assigned
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


@assigned
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
    quantity_decimal: Decimal | None = None
    """The exact quantity, only where it is no whole number; `quantity` is it cut to a whole one."""
    discounts_told: bool = True
    """False when the line doesn't say which discounts it carries: one that isn't among them proves nothing."""
    discount_amounts_told: bool = True
    """False when the line doesn't say what its discounts took off: zeros among `discounts` then are no amounts."""
    taxes_told: bool = True
    """False when the line doesn't say its taxes: `inclusive_tax` then is no share of anything."""
    invoice_item: str | None = None
    """The invoice item (ii_...) that the line came from: what was pending before it came on this invoice."""
    price_version: str = ""
    """Which object of the price's id it is (`metrics.pricing.object_versions.version_of`), where the price itself was inlined; else empty."""
    decimal_told: bool = True
    """False when only a whole quantity was said: there may be a fraction beside it."""

    @property
    def gives_back(self) -> bool:
        """Whether the line takes back what was billed before: it names the state that was, not the one that is."""
        return self.proration and (self.amount < 0 or bool(self.credited_lines))


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line that may belong to a subscription's item but doesn't say what is needed to tell. It changes nothing of any item.

    `reason` is a stable word (line_without_parent, line_without_period, line_without_amount, line_without_subscription); `detail`
    names the fields. What else it says is kept, so that a finding can name amounts. One of the reason lines_cut stands for all that
    follow on a list which is cut and has no further page.
    """

    id: str
    reason: str
    detail: str
    amount: int | None = None
    currency: str | None = None
    item: str | None = None
    price: str | None = None
    period_start: Instant | None = None
    period_end: Instant | None = None


@assigned
@dataclass(frozen=True, slots=True)
class BilledLine:
    """A line that no subscription item has: what it charges, and by which mark it is told what sort of charge it is.

    Minor units. `amount` is what the line says, before its discounts (`discount`) and with the tax that it contains (`inclusive_tax`).
    """

    id: str
    kind: str
    """one_off (on a subscription's invoice), outside (no subscription has it), or empty: it doesn't say enough to be told."""
    mark: str
    """By which mark: manual, metronome, contract, quote, pricing_plan, one_off (`metrics.billings.classes.MARKS`)."""
    amount: int | None
    price: str | None = None
    product: str | None = None
    discount: int = 0
    inclusive_tax: int = 0


@assigned
@dataclass(frozen=True, slots=True)
class Totals:
    """What an invoice or a credit note says that it comes to, in minor units. `total` None: not said.

    `total` = lines − `discount` − `credits` + `shipping` + the tax that no line's amount contains (`tax` less `inclusive_tax`).
    """

    total: int | None = None
    tax: int = 0
    """All of it: what amounts contain, and what is added to them."""
    inclusive_tax: int = 0
    discount: int = 0
    credits: int = 0
    """Billing credits that were used up: they lower the total as a discount does."""
    shipping: int = 0
    """Before tax."""


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """A line of a credit note: how much of which invoice line it takes back. `line` None: it names none (a custom line).

    Minor units, above zero; `amount` before discounts and with the tax that it contains.
    """

    id: str
    line: str | None
    amount: int
    discount: int = 0
    inclusive_tax: int = 0


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note: what is taken back of an invoice. It never changes MRR."""

    id: str
    customer: str | None
    invoice: str | None
    status: str
    """issued, void, or one that Stripe adds later."""
    created: Instant
    currency: str
    totals: Totals = Totals()
    lines: tuple[CreditedLine, ...] = ()
    voided_at: Instant | None = None


@assigned
@dataclass(frozen=True, slots=True)
class InvoiceEvidence:
    """An invoice with those of its lines that belong to a subscription.

    While there are `unread` lines, an item that has no line on the invoice may still have been billed by it: nothing is proven absent.
    """

    head: Invoice
    lines: tuple[InvoiceLine, ...] = ()
    unread: tuple[UnreadLine, ...] = ()
    other_lines: int = 0
    """How many lines are charges beside every subscription item: no evidence of MRR."""
    other_amount: int = 0
    """What those come to, in minor units."""
    totals: Totals | None = field(default=None, compare=False)
    """What the invoice says that it comes to; None where it wasn't read. Neither this nor the next is evidence of MRR: the engine is never
    handed them, and what differs in them alone is the same evidence."""
    others: tuple[BilledLine, ...] = field(default=(), compare=False)
    """Those other lines, one by one, and those that can't be told."""


# --- what is handed over to be stored -------------------------------------------------------------------------------------------


@assigned
@dataclass(frozen=True, slots=True)
class EventFact:
    """That something happened, and to what; the objects named are worth reading again.

    `object_id` is the id of the event's object, whatever its kind; the customer, subscription and invoice are set where known.
    """

    id: str
    type: str
    created: Instant
    object_id: str
    customer: str | None = None
    subscription: str | None = None
    invoice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Evidence that was read together and is stored together. A further kind of object is one field here, named like its list.

    `prices`, `coupons` and `products` are full descriptions. The `inline_` ones were seen inside other objects, where Stripe leaves
    out currency options and the products that a coupon is for: they may fill a hole (a deleted coupon or price is in no list), but
    must never replace a listed one. A CustomerState whose customer has no `created` and isn't deleted speaks of the discount only.
    A Discount without a coupon is one that Stripe named by its id only, which is all that newer events have.
    """

    prices: Sequence[Price] = ()
    coupons: Sequence[Coupon] = ()
    products: Sequence[Product] = ()
    inline_prices: Sequence[Price] = ()
    inline_coupons: Sequence[Coupon] = ()
    customers: Sequence[CustomerState] = ()
    subscriptions: Sequence[SubscriptionState] = ()
    invoices: Sequence[InvoiceEvidence] = ()
    events: Sequence[EventFact] = ()
    pending: Sequence[tuple[str, InvoiceLine]] = ()
    """Prorations that wait for an invoice, each with its customer."""
    credit_notes: Sequence[CreditNote] = ()


# --- what is handed to the engine ---------------------------------------------------------------------------------------


@assigned
@dataclass(frozen=True, slots=True)
class SubscriptionEvidence:
    """All that is known of one subscription, in any order."""

    account: int
    subscription: str
    states: tuple[SubscriptionState, ...] = ()
    invoices: tuple[InvoiceEvidence, ...] = ()
    pending: tuple[InvoiceLine, ...] = ()
    """Prorations that wait for an invoice (`invoice` is empty, `id` and `invoice_item` the invoice item's): they date a change as lines
    do. One whose `invoice_item` is that of a line of an invoice says nothing more than that line."""


@assigned
@dataclass(frozen=True, slots=True)
class CustomerEvidence:
    """All that is known of one Stripe customer: its own states and its subscriptions."""

    account: int
    customer: str
    states: tuple[CustomerState, ...]
    subscriptions: tuple[SubscriptionEvidence, ...]


@assigned
@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """The Stripe customers that are one customer, with all their evidence. `customer` is its name in the ledger."""

    customer: str
    members: tuple[CustomerEvidence, ...]
    unreadable: str | None = None
    """Why what is stored of it can't be read, where it can't: nothing is derived from a part of it then."""


# --- what is said about data that can't be used ---------------------------------------------------------------------------


Severity = Literal["notice", "warning", "error"]
"""How much a finding weighs: a note about how a number came about, something to be looked at, something that is missing from the numbers."""


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
    severity: Severity = "notice"
