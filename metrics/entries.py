"""The words in which the engine answers: changes, movements, exclusions.

A *change* is one step of one subscription item's MRR; a *movement* is what a customer's changes of one reporting day (and grace)
amount to. Both name their evidence. They are values only: how they come about is in `timeline` and `movements`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from metrics.assigned import assigned
from metrics.evidence import Finding, Instant
from metrics.movement_kinds import Cause, MovementKind


@assigned
@dataclass(frozen=True, slots=True)
class ItemMRR:
    """What one item is worth a month from some moment on, and the key of the arithmetic behind it."""

    item: str
    price: str | None
    product: str | None
    interval: str | None
    quantity: int | None
    list_micros: int
    net_micros: int
    usage_micros: int = 0


@assigned
@dataclass(frozen=True, slots=True)
class Step:
    """A subscription's MRR from `at` until the next step: the whole timeline is a list of these in order of time."""

    at: Instant
    currency: str
    net_micros: int
    list_micros: int
    items: tuple[ItemMRR, ...]
    status: str
    at_risk: bool
    scheduled: bool
    """The end has been asked for, but is not reached: MRR that committed MRR leaves out."""
    cause: Cause
    evidence: tuple[str, ...]
    inferred: bool = False
    note: str = ""
    usage_micros: int = 0
    """What metered items came to in their last complete billed period, a month: beside MRR, unless the policy puts it in."""


@assigned
@dataclass(frozen=True, slots=True)
class Exclusion:
    """Something that is left out of MRR from `since` to `until`, and why (trial, metered, paused, test_clock, internal …)."""

    object_id: str
    customer: str
    reason: str
    currency: str
    mrr_micros: int | None
    since: Instant
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What a subscription is to be worth a month from `at` on, as its schedule says. `kind` is phase, pause or resume."""

    at: Instant
    net_micros: int
    kind: Literal["phase", "pause", "resume"]


@assigned
@dataclass(frozen=True, slots=True)
class Timeline:
    """One subscription over time. `scheduled_end` is the end asked for but not reached, for committed MRR."""

    account: int
    subscription: str
    customer: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    scheduled_end: Instant | None = None
    trial_end: Instant | None = None
    migrated_from: str | None = None
    """The subscription that this one continues, if its metadata says so."""
    wake: Instant | None = None
    """The next moment that the evidence dates by itself (see `CustomerLedger.wake`)."""
    planned: tuple[PlannedStep, ...] = ()
    """What its schedule plans after now, in order of time: known future, and no part of MRR."""
    managed_payments: bool = False
    """Whether Stripe manages its payments: one that begins so when another ended is that one, made anew."""


@assigned
@dataclass(frozen=True, slots=True)
class Movement:
    """What one customer's MRR in one currency did on one reporting day."""

    customer: str
    day: date
    currency: str
    kind: MovementKind
    cause: Cause
    before_micros: int
    after_micros: int
    list_before_micros: int
    list_after_micros: int
    evidence: tuple[str, ...]
    inferred: bool = False

    @property
    def delta_micros(self) -> int:
        """What the movement adds to MRR; negative for contraction and churn."""
        return self.after_micros - self.before_micros


@assigned
@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer stands at in one currency at the closing of `day`, written for each day on which any of it changed.

    It holds until the customer's next standing in that currency, and agrees with the movements: the net is `before` of the next
    movement. `plan`, `product` and `interval` are those of the item with the largest net MRR (ties: the smallest id).
    """

    customer: str
    day: date
    currency: str
    net_micros: int
    list_micros: int
    at_risk_micros: int
    scheduled_micros: int
    usage_micros: int
    subscriptions: int
    plan: str | None
    product: str | None
    interval: str | None
    account: int


@assigned
@dataclass(frozen=True, slots=True)
class Attribute:
    """What a customer was by one key (`country`, `metadata.industry`) from `day` on; the earliest holds before it too."""

    customer: str
    day: date
    key: str
    value: str | None


@assigned
@dataclass(frozen=True, slots=True)
class CustomerLedger:
    """Everything derived for one customer (several Stripe customers, if a rule says that they are one)."""

    customer: str
    movements: tuple[Movement, ...]
    standings: tuple[Standing, ...]
    timelines: tuple[Timeline, ...]
    findings: tuple[Finding, ...]
    exclusions: tuple[Exclusion, ...]
    attributes: tuple[Attribute, ...] = ()
    wake: Instant | None = None
    """The earliest instant after `now` at which time alone may change this ledger: a discount that begins or ends, an item's own
    trial that ends, past due for too long, an end booked at the end of the paid period. Until then the same evidence gives the same
    ledger; None: for ever. A churn still within the grace is no such thing: only a new fact can undo it."""
