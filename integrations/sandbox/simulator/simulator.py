"""The machine that lives a script through: what is done to customers and their subscriptions, which go their own way in between (`lifecycle`).

Deterministic: the same script to the same horizon gives the same life, and a later horizon only adds to it. One customer
at a time and nothing shared, so that a business of any size is a stream.
"""

import heapq
from collections.abc import Callable
from fractions import Fraction

from msgspec.structs import replace

from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.changes import DoesNotApply
from integrations.sandbox.simulator.invoicing import (
    LineDraft,
    discounted_amount,
    proration_line,
    totals,
    trial_line,
)
from integrations.sandbox.simulator.lifecycle import ACTS, RENEWALS
from integrations.sandbox.simulator.plans import Plans
from integrations.sandbox.simulator.recorder import OpenSubscription
from integrations.sandbox.simulator.records import (
    CreditedLine,
    CustomerState,
    Item,
    Life,
    Line,
    SubscriptionState,
)


class Machine(Plans):
    """One customer's life in the making; `live` is the only thing to call."""

    def live(self, horizon: int) -> Life | None:
        """The life up to and including `horizon`; None if the customer does not exist by then."""
        acts = sorted(self._script.acts, key=lambda act: act.at)
        created = self._script.created
        if created is None:
            created = acts[0].at - 30 if acts else 0
        if not acts or created > horizon:
            return None
        self._journal.open_customer(created, CustomerState(self._script.metadata))
        for act in acts:
            handler: Callable[..., None] = getattr(self, f"_do_{act.verb}")
            self._later(act.at, ACTS, lambda now, h=handler, a=act.arguments: self._perform(h, now, a))  # type: ignore[misc]
        while self._queue and self._queue[0][0] <= horizon:
            at, _, _, what = heapq.heappop(self._queue)
            what(at)
        email = f"{self._script.name.lower().replace(' ', '.')}@example.com"
        return self._journal.life(self._script.name, email, self._script.country, tuple(self._script.lags))

    # Beginning

    def _do_subscribe(
        self,
        at: int,
        *,
        key: str,
        items: tuple[tuple[str, int], ...],
        currency: str | None,
        trial_end: int | None,
        after_trial: str,
        backdated_to: int | None,
        coupons: tuple[str, ...],
        item_coupons: tuple[str, ...],
        flexible: bool,
        send_invoice: bool,
        setup_fee: bool,
        void_first: bool,
        cause: str | None,
    ) -> None:
        if self._journal.customer[-1].state.deleted or (key in self._by_key and not self._by_key[key].over):
            raise DoesNotApply(f"cannot subscribe {key!r} again")
        identifier, place = self._journal.identity("sub", at)
        sub = OpenSubscription(
            identifier,
            place,
            at,
            backdated_to or at,
            currency or self._script.currency,
            flexible,
            send_invoice,
            after_trial,
            void_first,
        )
        made = []
        for number, (named, quantity) in enumerate(items):
            price = self._on_sale(named, at)
            end = trial_end or self._period_end(price, at, 1)
            item_id, _ = self._journal.identity("si", at)
            anchor, cycles = (trial_end, 0) if trial_end else (at, 1)
            own = tuple(self._discount(each, at, "item", item_id) for each in item_coupons) if number == 0 else ()
            made.append(Item(item_id, price, quantity, at, at, end, anchor, cycles, own))
        incomplete = self._card.outcome is not None and not trial_end and not send_invoice
        state = SubscriptionState(
            "trialing" if trial_end else "incomplete" if incomplete else "active",
            tuple(made),
            trial_end or at,
            tuple(self._discount(each, at, "subscription", identifier) for each in coupons),
            trial_start=at if trial_end else None,
            trial_end=trial_end,
        )
        self._by_key[key] = sub
        self._journal.open_subscription(sub, at, state, cause or "start")
        for discount in (*state.discounts, *(each for item in made for each in item.discounts)):
            self._journal.announce(at, "customer.discount.created", discount.holder, 0, discount)
            self._watch(sub, discount)
        drafts: list[LineDraft] = []
        if setup_fee:
            fee = self._catalog.prices["price_setup"]
            exact = Fraction(fee.in_currency(sub.currency)[0] or 0)
            drafts.append(LineDraft("one_off", None, fee.id, 1, exact, at, at, "Setup", fee.unit))
        if trial_end:
            drafts += [trial_line(self._catalog, item) for item in made]
            self._later(trial_end, RENEWALS, lambda now: self._trial_over(sub, now))
            if trial_end - 3 * DAY > at:
                self._later(trial_end - 3 * DAY, RENEWALS, lambda now: self._remind(sub, now))
        else:
            if backdated_to is not None:
                drafts += self._backdated(sub, made, backdated_to, at)
            self._await_renewals(sub, made)
        self._bill(sub, at, "subscription_create", drafts, [] if trial_end else made, at_once=True)

    def _backdated(self, sub: OpenSubscription, items: list[Item], start: int, at: int) -> list[LineDraft]:
        lines = []
        for number, item in enumerate(items):
            whole = item.end - item.start
            exact = discounted_amount(self._catalog, sub.currency, items, number, sub.state.discounts)
            lines.append(proration_line(self._catalog, "debit", item, exact * Fraction(at - start, whole), start, at, None))
        return lines

    # Renewing

    def _do_prebill(self, at: int, *, key: str, cycles: int) -> None:
        sub = self._sub(key, "active")
        items = [
            replace(item, billed_until=self._period_end(item.price, item.anchor, item.cycles + cycles)) for item in sub.state.items
        ]
        self._journal.write(sub, at, "prebilled", "invoice", items=tuple(items))
        self._bill(sub, at, "subscription_update", [], items, at_once=True, ahead=cycles)

    # The customer

    def _do_fail_payments(self, _at: int, *, outcome: str) -> None:
        self._card.outcome = outcome

    def _do_fix_payments(self, at: int) -> None:
        self._card.outcome = None
        for sub in self._journal.subscriptions:
            self._payments.settle(sub, at)

    def _do_charge(self, at: int, *, amounts: tuple[int, ...], mark: str, coupon: str | None) -> None:
        lines = [LineDraft("one_off", None, None, 1, Fraction(amount), at, at, "Consulting") for amount in amounts]
        if coupon is not None:
            discount = self._discount(coupon, at, "invoice", self._journal.customer_id)
            part = Fraction(self._catalog.coupons[discount.coupon].percent or 0)
            for line in lines:
                line.discounts.append((discount, round(line.exact * part / 100)))
        reason = "quote_accept" if mark == "quote" else "manual"
        invoice = self._journal.open_invoice(None, at, reason, lines, (at, at), self._taxed(), mark)
        self._payments.take(invoice, at, at_once=True)

    def _do_extra_charge(self, at: int, *, key: str, amount: int) -> None:
        sub = self._sub(key, "active")
        sub.pending.append(LineDraft("one_off", None, None, 1, Fraction(amount), at, at, "Onboarding"))

    def _do_credit(self, at: int, *, percent: int, amount: int | None, void_at: int | None) -> None:
        given_back = {note.invoice for note in self._journal.credit_notes}
        open_to_it = [
            each
            for each in self._journal.invoices
            if each.status in ("open", "paid") and totals(each.lines)[3] > 0 and each.id not in given_back
        ]
        if not open_to_it:
            raise DoesNotApply("no invoice to credit")
        invoice = open_to_it[-1]
        if amount is not None:
            lines = [CreditedLine("", None, min(amount, totals(invoice.lines)[3]), description="Goodwill")]
        else:
            lines = [_credited(line, percent) for line in invoice.lines if line.amount > 0]
        note = self._journal.issue(invoice, at, lines)
        if void_at is not None:
            self._later(void_at, ACTS, lambda now: self._journal.void(note, now))

    def _do_describe(self, at: int, *, metadata: tuple[tuple[str, str], ...]) -> None:
        merged = {**dict(self._journal.customer[-1].state.metadata), **dict(metadata)}
        self._journal.change_customer(at, metadata=tuple(sorted(merged.items())))

    def _do_delete(self, at: int) -> None:
        for sub in self._journal.subscriptions:
            self._finish(sub, at, "cancellation_requested")
        self._journal.change_customer(at, "customer.deleted", deleted=True, discount=None)


def _credited(line: Line, percent: int) -> CreditedLine:
    """So much of an invoice line, its discounts and its tax, each rounded by itself."""
    off = tuple((each, round(Fraction(taken * percent, 100))) for each, taken in line.discounts)
    part = round(Fraction(line.amount * percent, 100))
    tax = round(Fraction(line.tax * percent, 100))
    return CreditedLine("", line.id, part, off, tax, line.tax_inclusive, line.description)
