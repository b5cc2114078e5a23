"""What becomes of subscriptions without anybody's doing: trials end, periods are renewed and billed, discounts and pauses run out.

What somebody does to them is in `simulator`, whose machine is one of these.
"""

import heapq
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from integrations.sandbox.simulator.billing_cycles import DAY, boundary
from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.invoicing import LineDraft, cycle_lines, discount_lines, usage_line
from integrations.sandbox.simulator.payments import Card, Payments
from integrations.sandbox.simulator.recorder import Delivery, Journal, OpenSubscription
from integrations.sandbox.simulator.records import Discount, Item
from integrations.sandbox.simulator.scenario import Script

# What happens first when several things fall on one second.
ENDS: Final = 0
RENEWALS: Final = 1
INVOICES: Final = 2
ACTS: Final = 3

POLICY: Final = "canceled_by_retention_policy"
"""Stripe's word for an end that neither the customer nor a failed payment brought about."""


class Lifecycle:
    """One customer's subscriptions between two acts, with the queue of what is to come."""

    def __init__(self, catalog: Catalog, tag: str, index: int, script: Script) -> None:
        self._catalog = catalog
        self._script = script
        self._queue: list[tuple[int, int, int, Callable[[int], None]]] = []
        self._count = 0
        self._card = Card()
        delivery = Delivery(tuple(script.late), tuple(script.blank), script.late_share, script.blank_share)
        self._journal = Journal(catalog, tag, index, script.currency, delivery)
        self._payments = Payments(self._journal, self._card, lambda at, what: self._later(at, INVOICES, what), self._finish)
        self._by_key: dict[str, OpenSubscription] = {}

    def _later(self, at: int, rank: int, what: Callable[[int], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at, rank, self._count, what))

    # Trials

    def _remind(self, sub: OpenSubscription, at: int) -> None:
        if sub.state.status == "trialing" and sub.state.trial_end == at + 3 * DAY:
            self._journal.remark(sub, at, "trial_will_end")

    def _trial_over(self, sub: OpenSubscription, at: int) -> None:
        state = sub.state
        if state.status != "trialing" or state.trial_end != at:
            return
        if state.cancel_at is not None and state.cancel_at <= at:
            self._finish(sub, at, "cancellation_requested")
            return
        if sub.after_trial == "pause":
            self._journal.write(
                sub, at, "paused", "hold", status="paused", held_at=at, held_type="trial_end_without_payment_method"
            )
            self._journal.remark(sub, at, "paused")
            return
        self._restart(sub, at, "subscription_cycle", "trial_converted", "trial", at_once=False)

    def _restart(
        self, sub: OpenSubscription, at: int, reason: str, cause: str, trace: str, *, at_once: bool, **changes: Any
    ) -> None:
        """A new billing cycle for every item, beginning now."""
        items = [replace(item, start=at, end=self._period_end(item.price, at, 1), anchor=at, cycles=1) for item in sub.state.items]
        self._journal.write(sub, at, cause, trace, status="active", items=tuple(items), anchor=at, **changes)
        self._await_renewals(sub, items)
        self._bill(sub, at, reason, [], items, at_once=at_once)

    # Renewing

    def _period_end(self, price: str, anchor: int, cycles: int) -> int:
        found = self._catalog.prices[price]
        return boundary(anchor, found.interval or "month", found.interval_count, cycles)

    def _await_renewals(self, sub: OpenSubscription, items: list[Item]) -> None:
        for end in sorted({item.end for item in items}):
            self._later(end, RENEWALS, lambda now: self._renew(sub, now))

    def _renew(self, sub: OpenSubscription, at: int) -> None:
        state = sub.state
        due = [item for item in state.items if item.end == at]
        if sub.over or state.status in ("paused", "trialing", "incomplete") or not due:
            return
        if state.cancel_at is not None and state.cancel_at <= at:
            return
        renewed = {
            item.id: replace(item, start=at, end=self._period_end(item.price, item.anchor, item.cycles + 1), cycles=item.cycles + 1)
            for item in due
        }
        usage = [
            usage_line(self._catalog, sub.currency, item, item.start, item.end)
            for item in due
            if self._catalog.prices[item.price].metered
        ]
        items = tuple(renewed.get(item.id, item) for item in state.items)
        self._journal.write(sub, at, "renewed", "cycle", items=items)
        self._await_renewals(sub, list(renewed.values()))
        drafts, sub.pending = sub.pending, []
        to_bill = [item for item in renewed.values() if item.billed_until is None or item.billed_until < item.end]
        if drafts or to_bill or usage:
            self._bill(sub, at, "subscription_cycle", drafts, to_bill, usage=usage)

    def _bill(
        self,
        sub: OpenSubscription,
        at: int,
        reason: str,
        drafts: list[LineDraft],
        items: list[Item],
        *,
        usage: list[LineDraft] | None = None,
        at_once: bool = False,
        ahead: int = 0,
    ) -> None:
        """An invoice of the pending `drafts`, then a full period of `items` (or `ahead` periods after this one), then `usage`."""
        licensed = [item for item in items if not self._catalog.prices[item.price].metered]
        pairs = [(item, cycle_lines(self._catalog, sub.currency, item)) for item in licensed]
        if ahead:
            pairs = [(item, [self._stretched(line, item, ahead) for line in lines]) for item, lines in pairs]
        discount_lines(self._catalog, sub.currency, pairs, self._whole_discounts(sub))
        everything = [*drafts, *(line for _, lines in pairs for line in lines), *(usage or [])]
        previous = sub.state.items[0]
        period = (at, at) if reason == "subscription_create" else (previous.start, at)
        invoice = self._journal.open_invoice(sub, at, reason, everything, period, self._taxed())
        for line in invoice.lines:
            if line.kind in ("cycle", "debit") and line.item is not None:
                known = sub.billed.get(line.item)
                same = known is not None and known[0] == invoice.id
                sub.billed[line.item] = (invoice.id, (*(known[1] if known and same else ()), line.id))
        used = {each.id for line in invoice.lines for each, _ in line.discounts if self._is_once(each)}
        changes: dict[str, Any] = {"latest_invoice": invoice.id}
        if used:
            changes["discounts"] = tuple(each for each in sub.state.discounts if each.id not in used)
            changes["items"] = tuple(
                replace(item, discounts=tuple(each for each in item.discounts if each.id not in used)) for item in sub.state.items
            )
        self._journal.write(sub, at, "billed", "invoice", **changes)
        for discount in (each for line in invoice.lines for each, _ in line.discounts):
            if discount.id in used:
                used.discard(discount.id)
                self._journal.announce(at, "customer.discount.deleted", discount.holder, 0, discount)
                held = self._journal.customer[-1].state.discount
                if held is not None and held.id == discount.id:
                    self._journal.change_customer(at, discount=None)
        self._payments.take(invoice, at, at_once=at_once)

    def _stretched(self, line: LineDraft, item: Item, cycles: int) -> LineDraft:
        end = self._period_end(item.price, item.anchor, item.cycles + cycles)
        return replace(line, exact=line.exact * cycles, start=item.end, end=end)

    def _taxed(self) -> bool:
        return dict(self._journal.customer[-1].state.metadata).get("tax") == "exclusive"

    # Discounts

    def _is_once(self, discount: Discount) -> bool:
        return self._catalog.coupons[discount.coupon].duration == "once"

    def _whole_discounts(self, sub: OpenSubscription) -> tuple[Discount, ...]:
        state, held = sub.state, self._journal.customer[-1].state.discount
        own = state.discounts or any(item.discounts for item in state.items)
        return state.discounts if own or held is None else (held,)

    def _watch(self, sub: OpenSubscription | None, discount: Discount) -> None:
        if discount.end is not None:
            self._later(discount.end, ENDS, lambda now: self._drop_discount(sub, discount, now, "ended"))

    def _drop_discount(self, sub: OpenSubscription | None, discount: Discount, at: int, trace: str) -> None:
        if sub is None:
            if self._journal.customer[-1].state.discount == discount:
                self._journal.change_customer(at, discount=None)
                self._journal.announce(at, "customer.discount.deleted", discount.holder, 0, discount)
            return
        state = sub.state
        if sub.over or discount not in (*state.discounts, *(d for i in state.items for d in i.discounts)):
            return
        self._journal.write(
            sub,
            at,
            "discount_end",
            trace,
            discounts=tuple(each for each in state.discounts if each != discount),
            items=tuple(
                replace(item, discounts=tuple(each for each in item.discounts if each != discount)) for item in state.items
            ),
        )
        self._journal.announce(at, "customer.discount.deleted", discount.holder, 0, discount)

    # Pausing

    def _resume_if(self, sub: OpenSubscription, at: int, resumes_at: int) -> None:
        if not sub.over and sub.state.pause_resumes_at == resumes_at:
            self._resume(sub, at)

    def _resume(self, sub: OpenSubscription, at: int) -> None:
        cause = "resumed" if sub.state.pause_behavior != "keep_as_draft" else "held_drafts"
        self._journal.write(sub, at, cause, "collection", pause_behavior=None, pause_resumes_at=None)

    # Ending

    def _finish(self, sub: OpenSubscription, at: int, reason: str, feedback: str | None = None) -> None:
        """The subscription ends now."""
        if sub.over:
            return
        state = sub.state
        causes = {
            "payment_failed": "canceled_involuntary",
            "payment_disputed": "canceled_involuntary",
            POLICY: "canceled_by_policy",
        }
        cause = "canceled_involuntary" if state.status == "unpaid" else causes.get(reason, "canceled_voluntary")
        self._journal.drop_waiting(sub, at)
        self._journal.write(
            sub,
            at,
            cause,
            "ended",
            event="deleted",
            status="canceled",
            ended_at=at,
            canceled_at=state.canceled_at or at,
            cancel_reason=reason,
            feedback=feedback or state.feedback,
            pause_behavior=None,
            pause_resumes_at=None,
            pending=None,
        )

    def _end_if(self, sub: OpenSubscription, at: int) -> None:
        if not sub.over and sub.state.cancel_at == at:
            self._finish(sub, at, "cancellation_requested")
