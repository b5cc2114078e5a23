"""What becomes of an invoice: finalised after its draft hour, paid, retried, given up.

The card works or it doesn't (`Card.outcome`); everything else follows Stripe's order: open, failed attempts, then the
subscription is canceled, unpaid, or stays past due.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from integrations.sandbox.simulator.billing_cycles import DAY, HOUR
from integrations.sandbox.simulator.recorder import Journal, OpenInvoice, OpenSubscription

CHARGE_RETRIES: Final = (3 * DAY, 5 * DAY, 7 * DAY)
"""Gaps between the attempts on a card: after 3, 8 and 15 days; the last one decides."""
SENT_RETRIES: Final = (21 * DAY, 15 * DAY)
"""A sent invoice is looked at after 9 days, when it falls due after 30, and for the last time after 45."""
INCOMPLETE_LIFETIME: Final = 23 * HOUR

Later = Callable[[int, Callable[[int], None]], None]


@dataclass
class Card:
    """Whether the customer's payments go through: `outcome` is None while they do, else what the last retry leads to."""

    outcome: str | None = None


class Payments:
    """The fate of one customer's invoices; `later(at, what)` puts work into the machine's queue."""

    def __init__(self, journal: Journal, card: Card, later: Later, end: Callable[[OpenSubscription, int, str], None]) -> None:
        self._journal = journal
        self._card = card
        self._later = later
        self._end = end

    def take(self, invoice: OpenInvoice, at: int, *, at_once: bool) -> None:
        """Begin with a fresh draft: finalise it now, or when its hour is over."""
        sub = invoice.subscription
        if sub is not None and sub.state.status == "unpaid":
            return
        behavior = sub.state.pause_behavior if sub is not None else None
        if behavior == "keep_as_draft":
            return
        if at_once and behavior is None:
            self._finalize(invoice, at)
        elif behavior is None:
            self._later(at + HOUR, lambda now: self._finalize(invoice, now))
        else:
            self._later(at + HOUR, lambda now: self._write_off(invoice, now, behavior))

    def _write_off(self, invoice: OpenInvoice, at: int, behavior: str) -> None:
        self._journal.step(invoice, at, "open")
        self._journal.step(invoice, at, "void" if behavior == "void" else "uncollectible")

    def _finalize(self, invoice: OpenInvoice, at: int) -> None:
        sub = invoice.subscription
        if invoice.status != "draft" or (sub is not None and sub.over):
            return
        self._journal.step(invoice, at, "open")
        if sub is not None and sub.void_first and invoice.reason == "subscription_create":
            self._later(at + 5 * DAY, lambda now: self._journal.step(invoice, now, "void"))
        elif invoice.due == 0 or sub is None or not sub.send_invoice:
            self._attempt(invoice, at, 0)
        else:
            sub.unsettled.append(invoice)
            self._later(at + 9 * DAY, lambda now: self._attempt(invoice, now, 0))

    def _attempt(self, invoice: OpenInvoice, at: int, number: int) -> None:
        sub = invoice.subscription
        if invoice.status != "open" or (sub is not None and sub.over):
            return
        if self._card.outcome is None or invoice.due == 0 or sub is None:
            self.pay(invoice, at)
            return
        retries = SENT_RETRIES if sub.send_invoice else CHARGE_RETRIES
        if invoice not in sub.unsettled:
            sub.unsettled.append(invoice)
        status = sub.state.status
        following = at + retries[number] if number < len(retries) and status != "incomplete" else None
        if not sub.send_invoice or number:
            self._journal.step(invoice, at, "open", event="payment_failed", attempts=number + 1, next_attempt=following)
            if status == "active":
                self._journal.write(sub, at, "past_due", "status", status="past_due")
        if status == "incomplete":
            self._later(sub.created + INCOMPLETE_LIFETIME, lambda now: self._expire(sub, now))
        elif following is not None:
            self._later(following, lambda now: self._attempt(invoice, now, number + 1))
        else:
            self._give_up(sub, invoice, at)

    def _give_up(self, sub: OpenSubscription, invoice: OpenInvoice, at: int) -> None:
        if self._card.outcome == "canceled":
            if invoice.place % 2:
                self._journal.step(invoice, at, "uncollectible")
            self._end(sub, at, "payment_failed")
        elif self._card.outcome == "unpaid" and sub.state.status != "unpaid":
            self._journal.write(sub, at, "unpaid", "unpaid", status="unpaid")

    def _expire(self, sub: OpenSubscription, at: int) -> None:
        if sub.state.status != "incomplete":
            return
        for invoice in sub.unsettled:
            self._journal.step(invoice, at, "void")
        self._journal.write(sub, at, "expired", "status", status="incomplete_expired", ended_at=at)

    def pay(self, invoice: OpenInvoice, at: int) -> None:
        """The invoice is paid; a subscription with nothing else open is in good standing again."""
        attempts = invoice.steps[-1].attempts + (1 if invoice.due else 0)
        self._journal.step(invoice, at, "paid", attempts=attempts)
        sub = invoice.subscription
        if sub is None:
            return
        if invoice in sub.unsettled:
            sub.unsettled.remove(invoice)
        status = sub.state.status
        if status in ("past_due", "unpaid", "incomplete") and not sub.unsettled:
            cause = {"past_due": "settled", "unpaid": "recovered", "incomplete": "start"}[status]
            self._journal.write(sub, at, cause, status, status="active")

    def settle(self, sub: OpenSubscription, at: int) -> None:
        """The customer pays what no retry would: everything open of an unpaid or incomplete subscription."""
        waiting = any(each.steps[-1].next_attempt for each in sub.unsettled)
        if not sub.over and (sub.state.status in ("unpaid", "incomplete") or not waiting):
            for invoice in list(sub.unsettled):
                self.pay(invoice, at)
