"""What the simulation remembers: immutable states with the instants at which they began.

Nothing here is Stripe's JSON. A record holds the whole life of its object, and a reader picks the state in force at its
own `now`; that is how the sandbox travels in time. Structs are array-like so that a life packs small.
"""

from typing import TypeVar

import msgspec


class Discount(msgspec.Struct, frozen=True, array_like=True):
    """One use of a coupon; `level` says whether a subscription, an item or the customer holds it."""

    id: str
    coupon: str
    start: int
    end: int | None
    level: str
    holder: str


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A subscription item and its current billing period; `cycles` counts periods since `anchor`.

    `price` and a discount's `coupon` are keys of the catalogue: an id that was made again has a key for each of its versions.
    `billed_until` is how far ahead it is billed already, where that is further than its period.
    """

    id: str
    price: str
    quantity: int
    created: int
    start: int
    end: int
    anchor: int
    cycles: int
    discounts: tuple[Discount, ...] = ()
    billed_until: int | None = None


class PendingUpdate(msgspec.Struct, frozen=True, array_like=True):
    """An upgrade that waits for its payment: the items that it would bring."""

    expires_at: int
    items: tuple[Item, ...]


class SubscriptionState(msgspec.Struct, frozen=True, array_like=True):
    """Everything about a subscription that can change."""

    status: str
    items: tuple[Item, ...]
    anchor: int
    discounts: tuple[Discount, ...] = ()
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    cancel_reason: str | None = None
    feedback: str | None = None
    trial_start: int | None = None
    trial_end: int | None = None
    pause_behavior: str | None = None
    pause_resumes_at: int | None = None
    held_at: int | None = None
    held_type: str | None = None
    latest_invoice: str | None = None
    schedule: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    pending: PendingUpdate | None = None


class Version(msgspec.Struct, frozen=True, array_like=True):
    """A state in force from `at` until the next version; `cause` is the movement vocabulary's word for the step."""

    at: int
    state: SubscriptionState
    cause: str
    trace: str


class Subscription(msgspec.Struct, frozen=True, array_like=True):
    """A subscription's life. `start_date` is before `created` when it was backdated.

    From `vanished_at` on nothing answers for it any more, and nothing said that it ended.
    """

    id: str
    place: int
    customer: str
    created: int
    start_date: int
    currency: str
    flexible: bool
    send_invoice: bool
    versions: tuple[Version, ...]
    vanished_at: int | None = None


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One invoice line. `kind`: cycle, credit, debit (the two of a proration), usage, or one_off.

    `blank` names what the answer leaves null: pricing, quantity or parent.
    """

    id: str
    kind: str
    item: str | None
    price: str | None
    quantity: int
    amount: int
    start: int
    end: int
    description: str
    unit: str | None = None
    discounts: tuple[tuple[Discount, int], ...] = ()
    tax: int = 0
    tax_inclusive: bool = False
    invoice_item: str | None = None
    credited_invoice: str | None = None
    credited_lines: tuple[str, ...] = ()
    blank: str = ""


class Step(msgspec.Struct, frozen=True, array_like=True):
    """An invoice's standing from `at` on; `event` is the last word of the event's type."""

    at: int
    event: str
    status: str
    attempts: int = 0
    next_attempt: int | None = None


class Invoice(msgspec.Struct, frozen=True, array_like=True):
    """An invoice's life; `lines` never change once it exists.

    `mark` says what wrote an invoice without a subscription: metronome, contract, quote or pricing_plan; empty: somebody by hand.
    """

    id: str
    place: int
    customer: str
    subscription: str | None
    created: int
    reason: str
    currency: str
    period_start: int
    period_end: int
    lines: tuple[Line, ...]
    starting_balance: int
    send_invoice: bool
    number: str
    metadata: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    mark: str = ""


class CreditedLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of a credit note: what it takes back of which invoice line; None: of none, a sum of its own."""

    id: str
    line: str | None
    amount: int
    discounts: tuple[tuple[Discount, int], ...] = ()
    tax: int = 0
    tax_inclusive: bool = False
    description: str = ""


class CreditNote(msgspec.Struct, frozen=True, array_like=True):
    """A credit note's life: issued when it is created, void from `voided_at` on. `after_payment`: the invoice was paid by then."""

    id: str
    place: int
    created: int
    invoice: str
    currency: str
    number: str
    lines: tuple[CreditedLine, ...]
    after_payment: bool
    voided_at: int | None = None


class CustomerState(msgspec.Struct, frozen=True, array_like=True):
    """Everything about a customer that can change."""

    metadata: tuple[tuple[str, str], ...]
    discount: Discount | None = None
    balance: int = 0
    delinquent: bool = False
    deleted: bool = False


class CustomerVersion(msgspec.Struct, frozen=True, array_like=True):
    """A customer's state from `at` on."""

    at: int
    state: CustomerState


class Customer(msgspec.Struct, frozen=True, array_like=True):
    """A customer's life."""

    id: str
    place: int
    created: int
    name: str
    email: str
    country: str
    currency: str
    versions: tuple[CustomerVersion, ...]


class InvoiceItem(msgspec.Struct, frozen=True, array_like=True):
    """A proration that waits for an invoice: pending until `invoiced_at`, or until it was dropped at `removed_at`."""

    id: str
    place: int
    created: int
    subscription: str
    currency: str
    line: Line
    invoiced_at: int | None = None
    invoice: str | None = None
    removed_at: int | None = None


class Schedule(msgspec.Struct, frozen=True, array_like=True):
    """A subscription schedule: as it was, then a price and a quantity from each of `phases` on; or a pause that is planned."""

    id: str
    place: int
    customer: str
    subscription: str
    currency: str
    created: int
    before: tuple[str, int]
    phases: tuple[tuple[int, str, int], ...]
    pause_at: int | None = None
    resume_at: int | None = None

    @property
    def over_at(self) -> int:
        """When there is nothing left to come."""
        return max(self.created, self.pause_at or 0, self.resume_at or 0, *(at for at, _, _ in self.phases))


class Happening(msgspec.Struct, frozen=True, array_like=True):
    """An event of Stripe's: `number` picks the version or step that it announces (for discounts, the discount).

    One that is `late` appears in the list so many seconds after its moment.
    """

    id: str
    place: int
    created: int
    type: str
    subject: str
    number: int
    detail: Discount | None = None
    late: int = 0


class Life(msgspec.Struct, frozen=True):
    """One customer's whole simulated life, complete up to the horizon it was lived to."""

    customer: Customer
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    schedules: tuple[Schedule, ...]
    happenings: tuple[Happening, ...]
    invoice_items: tuple[InvoiceItem, ...] = ()
    credit_notes: tuple[CreditNote, ...] = ()
    lags: tuple[tuple[int, int, int], ...] = ()
    """(since, until, seconds): meanwhile everything but events answers as it was so many seconds ago."""

    def as_seen(self, now: int) -> int:
        """The moment whose state answers at `now`."""
        return min((now - by for since, until, by in self.lags if since <= now < until), default=now)


_Timed = TypeVar("_Timed", Version, Step, CustomerVersion)


def in_force(versions: tuple[_Timed, ...], at: int) -> _Timed | None:
    """The last of `versions` that began at or before `at`, or None before the first."""
    found = None
    for version in versions:
        if version.at > at:
            break
        found = version
    return found
