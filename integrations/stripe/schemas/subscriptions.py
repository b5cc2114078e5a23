"""The fields of Stripe's subscriptions, their items and schedules that MRR needs, as typed structs; the rules of `integrations.stripe.schemas.shape` hold here."""

from decimal import Decimal

import msgspec

from integrations.stripe.schemas.catalog import Coupon, Discount, Plan, Price, PromotionCode
from integrations.stripe.schemas.shape import Id, Moded, Shape, Sublist, Whole


class CurrentTrial(Shape):
    """An item's own trial (a trial offer)."""

    start_date: Whole | None = None
    end_date: Whole | None = None


class Item(Moded):
    """A subscription item."""

    KIND = "subscription_item"

    id: str | None = None
    deleted: bool | None = None
    price: str | Price | None = None
    plan: str | Plan | None = None
    quantity: Whole | None = None
    quantity_decimal: Decimal | None = None
    discounts: list[str | Discount] | None = None
    """Old versions, in which events go on being drawn, lack the field: that says nothing of the discounts which an item has."""
    current_period_start: Whole | None = None
    current_period_end: Whole | None = None
    current_trial: CurrentTrial | None = None
    billed_until: Whole | None = None


class PauseCollection(Shape):
    """Collection is paused while the status stays what it was."""

    behavior: str | None = None
    resumes_at: Whole | None = None


class Paused(Shape):
    """Since when the status is paused."""

    transitioned_at: Whole | None = None


class StatusDetails(Shape):
    """More about a status."""

    paused: Paused | None = None


class CancellationDetails(Shape):
    """Why a subscription was canceled."""

    reason: str | None = None
    feedback: str | None = None
    feedback_option: str | None = None


class PendingUpdate(Shape):
    """A change that waits for its payment."""

    expires_at: Whole | None = None
    subscription_items: list[Item] | None = None
    trial_end: Whole | None = None


class ManagedPayments(Shape):
    """Whether Stripe sells in its own name."""

    enabled: bool | None = None


class BillUntil(Shape):
    """How far ahead is billed."""

    computed_timestamp: Whole | None = None
    timestamp: Whole | None = None


class BilledPrice(Shape):
    """What a billing schedule is for."""

    price: str | Price | None = None


class BillingSchedule(Shape):
    """Billing ahead of the period."""

    key: str | None = None
    bill_until: BillUntil | None = None
    applies_to: list[BilledPrice] | None = None


class PhaseDiscountEnd(Shape):
    """When a phase's discount ends."""

    timestamp: Whole | None = None


class PhaseDiscount(Shape):
    """A discount that a phase brings."""

    coupon: str | Coupon | None = None
    promotion_code: str | PromotionCode | None = None
    discount: Id = None
    discount_end: PhaseDiscountEnd | None = None


class PhaseItem(Shape):
    """An item of a phase."""

    price: str | Price | None = None
    plan: str | Plan | None = None
    quantity: Whole | None = None
    discounts: list[PhaseDiscount] | None = None


class Phase(Shape):
    """A phase of a schedule. Old versions have one coupon, new ones discounts."""

    start_date: Whole | None = None
    end_date: Whole | None = None
    currency: str | None = None
    coupon: str | Coupon | None = None
    items: list[PhaseItem] | None = None
    discounts: list[PhaseDiscount] | None = None
    trial: bool | None = None
    trial_end: Whole | None = None


class OperationStatus(Shape):
    """How far a planned pause or resumption is."""

    type: str | None = None


class PausePart(Shape):
    """The beginning of a planned pause."""

    pause_at: Whole | None = None
    status: OperationStatus | None = None


class ResumePart(Shape):
    """The end of a planned pause."""

    resume_at: Whole | None = None
    status: OperationStatus | None = None


class PauseSchedule(Shape):
    """A planned pause."""

    pause: PausePart | None = None
    resume: ResumePart | None = None


class Schedule(Moded):
    """A subscription schedule."""

    KIND = "subscription_schedule"

    id: str | None = None
    created: Whole | None = None
    customer: Id = None
    customer_account: str | None = None
    subscription: Id = None
    status: str | None = None
    end_behavior: str | None = None
    phases: list[Phase] | None = None
    pause_schedules: list[PauseSchedule] | None = None


class Subscription(Moded):
    """A subscription; the period is its own in old versions and its items' in new ones."""

    KIND = "subscription"

    id: str | None = None
    customer: Id = None
    customer_account: str | None = None
    status: str | None = None
    currency: str | None = None
    created: Whole | None = None
    start_date: Whole | None = None
    current_period_start: Whole | None = None
    current_period_end: Whole | None = None
    items: Sublist[Item] | None = None
    discount: Discount | msgspec.UnsetType | None = msgspec.UNSET
    discounts: list[str | Discount] | None = None
    trial_start: Whole | None = None
    trial_end: Whole | None = None
    cancel_at: Whole | None = None
    cancel_at_period_end: bool | None = None
    canceled_at: Whole | None = None
    ended_at: Whole | None = None
    pause_collection: PauseCollection | None = None
    status_details: StatusDetails | None = None
    cancellation_details: CancellationDetails | None = None
    schedule: str | Schedule | None = None
    test_clock: Id = None
    metadata: dict[str, str | None] | None = None
    pending_update: PendingUpdate | None = None
    managed_payments: ManagedPayments | None = None
    billing_schedules: list[BillingSchedule] | None = None
