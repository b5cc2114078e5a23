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
    """A subscription item and its current billing period; `cycles` counts periods since `anchor`."""

    id: str
    price: str
    quantity: int
    created: int
    start: int
    end: int
    anchor: int
    cycles: int
    discounts: tuple[Discount, ...] = ()


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


class Version(msgspec.Struct, frozen=True, array_like=True):
    """A state in force from `at` until the next version; `cause` is the movement vocabulary's word for the step."""

    at: int
    state: SubscriptionState
    cause: str
    trace: str


class Subscription(msgspec.Struct, frozen=True, array_like=True):
    """A subscription's life. `start_date` is before `created` when it was backdated."""

    id: str
    place: int
    customer: str
    created: int
    start_date: int
    currency: str
    flexible: bool
    send_invoice: bool
    versions: tuple[Version, ...]


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One invoice line. `kind`: cycle, credit, debit (the two of a proration), usage, or one_off."""

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


class Step(msgspec.Struct, frozen=True, array_like=True):
    """An invoice's standing from `at` on; `event` is the last word of the event's type."""

    at: int
    event: str
    status: str
    attempts: int = 0
    next_attempt: int | None = None


class Invoice(msgspec.Struct, frozen=True, array_like=True):
    """An invoice's life; `lines` never change once it exists."""

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


class Schedule(msgspec.Struct, frozen=True, array_like=True):
    """A subscription schedule of two phases: as it was, then `price` and `quantity` from `switch_at`."""

    id: str
    place: int
    customer: str
    subscription: str
    currency: str
    created: int
    switch_at: int
    before: tuple[str, int]
    after: tuple[str, int]


class Happening(msgspec.Struct, frozen=True, array_like=True):
    """An event of Stripe's: `number` picks the version or step that it announces (for discounts, the discount)."""

    id: str
    place: int
    created: int
    type: str
    subject: str
    number: int
    detail: Discount | None = None


class Life(msgspec.Struct, frozen=True):
    """One customer's whole simulated life, complete up to the horizon it was lived to."""

    customer: Customer
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    schedules: tuple[Schedule, ...]
    happenings: tuple[Happening, ...]


_Timed = TypeVar("_Timed", Version, Step, CustomerVersion)


def in_force(versions: tuple[_Timed, ...], at: int) -> _Timed | None:
    """The last of `versions` that began at or before `at`, or None before the first."""
    found = None
    for version in versions:
        if version.at > at:
            break
        found = version
    return found
