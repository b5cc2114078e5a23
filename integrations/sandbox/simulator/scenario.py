"""A customer's life told by hand: what is done to it, and when.

A script only says what somebody or something *does* (subscribes, changes, cancels, lets a card expire); what follows from
it (renewals, invoices, retries, ends) is the machine's business. The random stories of a business are scripts too, so a
test and a simulation run the same code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from integrations.sandbox.simulator.billing_cycles import parse_instant

When = int | str
Items = Sequence[tuple[str, int]]


def moment(when: When) -> int:
    """An instant given as seconds or as ISO 8601 text (UTC unless it says otherwise)."""
    return when if isinstance(when, int) else parse_instant(when)


@dataclass(frozen=True)
class Act:
    """One thing done: `verb` names a method of the machine."""

    at: int
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Script:
    """The acts of one customer, in any order of telling; each method adds one and returns the script.

    `sub` names a subscription by the key it was subscribed under ("main" unless told otherwise).
    `strict` scripts raise ValueError when an act does not apply (a change after the end, say); stories skip it.
    `late_share` and `blank_share` are the parts of the events and lines that come late or lack something (see `journal.Delivery`).
    """

    def __init__(
        self,
        name: str = "scripted",
        *,
        currency: str = "usd",
        country: str = "US",
        created: When | None = None,
        metadata: Mapping[str, str] | None = None,
        strict: bool = True,
        late_share: float = 0.0,
        blank_share: float = 0.0,
    ) -> None:
        self.name = name
        self.currency = currency
        self.country = country
        self.created = None if created is None else moment(created)
        self.metadata = tuple(sorted((metadata or {}).items()))
        self.strict = strict
        self.late_share = late_share
        self.blank_share = blank_share
        self.acts: list[Act] = []
        self.late: list[tuple[int, int, int]] = []
        self.blank: list[tuple[int, int, str]] = []
        self.lags: list[tuple[int, int, int]] = []

    def _add(self, at: When, verb: str, **arguments: Any) -> Self:
        self.acts.append(Act(moment(at), verb, arguments))
        return self

    def subscribe(
        self,
        at: When,
        price: str | None = None,
        quantity: int = 1,
        *,
        items: Items | None = None,
        key: str = "main",
        currency: str | None = None,
        trial_end: When | None = None,
        after_trial: str = "convert",
        backdated_to: When | None = None,
        coupons: Sequence[str] = (),
        item_coupons: Sequence[str] = (),
        flexible: bool = True,
        send_invoice: bool = False,
        setup_fee: bool = False,
        void_first: bool = False,
        cause: str | None = None,
    ) -> Self:
        """Begin a subscription to `price` (or to several `items`). Prices and coupons are named by their ids.

        `after_trial` is "convert" or "pause" (no card on file). `item_coupons` go to the first item. With a card that is
        failing (`fail_payments` before) it begins `incomplete`. `void_first` voids the first invoice instead of paying it.
        """
        chosen = tuple(items) if items is not None else ((price or "price_starter_monthly", quantity),)
        return self._add(
            at,
            "subscribe",
            key=key,
            items=chosen,
            currency=currency,
            trial_end=None if trial_end is None else moment(trial_end),
            after_trial=after_trial,
            backdated_to=None if backdated_to is None else moment(backdated_to),
            coupons=tuple(coupons),
            item_coupons=tuple(item_coupons),
            flexible=flexible,
            send_invoice=send_invoice,
            setup_fee=setup_fee,
            void_first=void_first,
            cause=cause,
        )

    def change(
        self,
        at: When,
        price: str | None = None,
        quantity: int | None = None,
        *,
        item: int = 0,
        proration: str = "create_prorations",
        sub: str = "main",
    ) -> Self:
        """Change an item's price or quantity; `proration` is create_prorations, always_invoice or none."""
        return self._add(at, "change", key=sub, item=item, price=price, quantity=quantity, proration=proration)

    def add_item(
        self,
        at: When,
        price: str,
        quantity: int = 1,
        *,
        proration: str = "create_prorations",
        sub: str = "main",
    ) -> Self:
        """Add an item; of another interval than the others it is billed at once for its own full period."""
        return self._add(at, "add_item", key=sub, price=price, quantity=quantity, proration=proration)

    def remove_item(self, at: When, item: int = 1, *, proration: str = "create_prorations", sub: str = "main") -> Self:
        """Remove the item at index `item`."""
        return self._add(at, "remove_item", key=sub, item=item, proration=proration)

    def discount(self, at: When, coupon: str, *, level: str = "subscription", item: int = 0, sub: str = "main") -> Self:
        """Put `coupon` on the subscription, on one item, or on the customer."""
        return self._add(at, "discount", key=sub, coupon=coupon, level=level, item=item)

    def undiscount(self, at: When, *, level: str = "subscription", item: int = 0, sub: str = "main") -> Self:
        """Take all discounts of that level off before their time."""
        return self._add(at, "undiscount", key=sub, level=level, item=item)

    def pause(self, at: When, behavior: str = "void", *, resumes_at: When | None = None, sub: str = "main") -> Self:
        """Pause collection (void, mark_uncollectible or keep_as_draft); the status stays what it is."""
        until = None if resumes_at is None else moment(resumes_at)
        return self._add(at, "pause", key=sub, behavior=behavior, resumes_at=until)

    def resume(self, at: When, *, sub: str = "main") -> Self:
        """End a pause of collection."""
        return self._add(at, "resume", key=sub)

    def hold(self, at: When, *, sub: str = "main") -> Self:
        """Pause the subscription itself: status `paused`, no cycles."""
        return self._add(at, "hold", key=sub)

    def release(self, at: When, *, sub: str = "main") -> Self:
        """End a hold: a new billing cycle begins."""
        return self._add(at, "release", key=sub)

    def cancel(
        self,
        at: When,
        *,
        at_period_end: bool = False,
        on: When | None = None,
        feedback: str | None = None,
        reason: str = "cancellation_requested",
        sub: str = "main",
    ) -> Self:
        """Cancel now, at the period's end, or `on` a day; `reason` is Stripe's word for why."""
        return self._add(
            at,
            "cancel",
            key=sub,
            at_period_end=at_period_end,
            on=None if on is None else moment(on),
            feedback=feedback,
            reason=reason,
        )

    def withdraw(self, at: When, *, sub: str = "main") -> Self:
        """Take a scheduled cancellation back."""
        return self._add(at, "withdraw", key=sub)

    def set_trial_end(self, at: When, trial_end: When, *, sub: str = "main") -> Self:
        """Move the end of a running trial; `trial_end` equal to `at` ends it now."""
        return self._add(at, "set_trial_end", key=sub, trial_end=moment(trial_end))

    def schedule_change(self, at: When, on: When, price: str, quantity: int = 1, *, sub: str = "main") -> Self:
        """A schedule that changes the first item on a later day, without proration."""
        return self.schedule_phases(at, [(on, price, quantity)], sub=sub)

    def schedule_phases(self, at: When, phases: Sequence[tuple[When, str, int]], *, sub: str = "main") -> Self:
        """A schedule of several (when, price, quantity) to come of the first item, each without proration."""
        return self._add(at, "schedule_phases", key=sub, phases=tuple((moment(on), price, n) for on, price, n in phases))

    def plan_pause(self, at: When, on: When, until: When | None = None, *, sub: str = "main") -> Self:
        """A schedule that pauses the subscription itself on a later day, and resumes it at `until`."""
        return self._add(at, "plan_pause", key=sub, on=moment(on), until=None if until is None else moment(until))

    def offer(
        self,
        at: When,
        price: str | None = None,
        quantity: int | None = None,
        *,
        settled: When,
        outcome: str = "void",
        item: int = 0,
        sub: str = "main",
    ) -> Self:
        """An upgrade that waits for its payment (`pending_update`): by `settled` it is paid, or its invoice becomes void or stays open."""
        return self._add(at, "offer", key=sub, item=item, price=price, quantity=quantity, settled=moment(settled), outcome=outcome)

    def give_trial(self, at: When, until: When, *, sub: str = "main") -> Self:
        """A paying subscription is on trial until then: a free month, say. Nothing is credited."""
        return self._add(at, "give_trial", key=sub, until=moment(until))

    def prebill(self, at: When, cycles: int, *, sub: str = "main") -> Self:
        """Bill so many further cycles at once: their lines reach as far ahead, and the cycles bring no invoice of their own."""
        return self._add(at, "prebill", key=sub, cycles=cycles)

    def put_status(self, at: When, status: str, *, sub: str = "main") -> Self:
        """The subscription has a status that Stripe may invent one day; "active" puts it back."""
        return self._add(at, "put_status", key=sub, status=status)

    def vanish(self, at: When, *, sub: str = "main") -> Self:
        """From now on nothing answers for the subscription, and nothing says that it ended."""
        return self._add(at, "vanish", key=sub)

    # How it reaches a reader

    def delay_events(self, since: When, until: When, seconds: int) -> Self:
        """The events of [since, until) appear so many seconds after their moment."""
        self.late.append((moment(since), moment(until), seconds))
        return self

    def blank_lines(self, since: When, until: When, what: str) -> Self:
        """The invoice lines made in [since, until) lack their pricing, quantity or parent."""
        self.blank.append((moment(since), moment(until), what))
        return self

    def lag(self, since: When, until: When, seconds: int) -> Self:
        """In [since, until) every answer but events shows the customer's objects as they were so many seconds ago."""
        self.lags.append((moment(since), moment(until), seconds))
        return self

    def fail_payments(self, at: When, outcome: str = "canceled") -> Self:
        """From now on the card is declined; after the last retry a subscription becomes canceled, unpaid or past_due."""
        return self._add(at, "fail_payments", outcome=outcome)

    def fix_payments(self, at: When) -> Self:
        """The card works again: open invoices of unpaid subscriptions are paid now, others at their next retry."""
        return self._add(at, "fix_payments")

    def charge(self, at: When, amount: int, *more: int, mark: str = "", coupon: str | None = None) -> Self:
        """A manual invoice of `amount` minor units (and `more`, a line each) that belongs to no subscription.

        `mark` says what wrote it: metronome, contract, quote or pricing_plan (whose shapes are in no description yet). A percentage coupon lowers each line.
        """
        return self._add(at, "charge", amounts=(amount, *more), mark=mark, coupon=coupon)

    def extra_charge(self, at: When, amount: int, *, sub: str = "main") -> Self:
        """A one-off item of `amount` minor units, which the subscription's next invoice has."""
        return self._add(at, "extra_charge", key=sub, amount=amount)

    def credit(self, at: When, percent: int = 100, *, amount: int | None = None, void_at: When | None = None) -> Self:
        """A credit note for so much of each line of the customer's last finalised invoice, or for an `amount` of no line."""
        return self._add(at, "credit", percent=percent, amount=amount, void_at=None if void_at is None else moment(void_at))

    def describe(self, at: When, **metadata: str) -> Self:
        """Change the customer's metadata."""
        return self._add(at, "describe", metadata=tuple(sorted(metadata.items())))

    def label(self, at: When, *, sub: str = "main", **metadata: str) -> Self:
        """Change a subscription's metadata: an event that moves no money."""
        return self._add(at, "label", key=sub, metadata=tuple(sorted(metadata.items())))

    def delete(self, at: When) -> Self:
        """Delete the customer; its subscriptions end at once."""
        return self._add(at, "delete")
