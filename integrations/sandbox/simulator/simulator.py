"""The machine that lives a script through: what is done to subscriptions, between which they go their own way (`lifecycle`).

Deterministic: the same script to the same horizon gives the same life, and a later horizon only adds to it. One customer
at a time and nothing shared, so that a business of any size is a stream.
"""

import heapq
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from integrations.sandbox.simulator.billing_cycles import DAY, add_months
from integrations.sandbox.simulator.invoicing import (
    LineDraft,
    discounted_amount,
    proration_line,
    totals,
    trial_line,
)
from integrations.sandbox.simulator.lifecycle import ACTS, ENDS, RENEWALS, Lifecycle
from integrations.sandbox.simulator.recorder import OpenSubscription
from integrations.sandbox.simulator.records import (
    CreditedLine,
    CustomerState,
    Discount,
    Item,
    Life,
    Line,
    PendingUpdate,
    Schedule,
    SubscriptionState,
)


class DoesNotApply(ValueError):
    """An act that the state of things does not allow."""


class Machine(Lifecycle):
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

    def _perform(self, handler: Callable[..., None], at: int, arguments: dict[str, Any]) -> None:
        try:
            handler(at, **arguments)
        except DoesNotApply:
            if self._script.strict:
                raise

    def _sub(self, key: str, *statuses: str) -> OpenSubscription:
        sub = self._by_key.get(key)
        if sub is None or sub.over or self._journal.customer[-1].state.deleted:
            raise DoesNotApply(f"no living subscription {key!r}")
        if statuses and sub.state.status not in statuses:
            raise DoesNotApply(f"subscription {key!r} is {sub.state.status}")
        return sub

    def _on_sale(self, price: str, at: int) -> str:
        key = self._catalog.price_key(price, at)
        if key is None:
            raise DoesNotApply(f"{price} is not on sale")
        return key

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

    # Discounts

    def _discount(self, coupon: str, at: int, level: str, holder: str) -> Discount:
        key = self._catalog.coupon_key(coupon, at)
        if key is None:
            raise DoesNotApply(f"there is no coupon {coupon}")
        months = self._catalog.coupons[key].months
        identifier, _ = self._journal.identity("di", at)
        return Discount(identifier, key, at, None if months is None else add_months(at, months), level, holder)

    def _do_discount(self, at: int, *, key: str, coupon: str, level: str, item: int) -> None:
        if level == "customer":
            held = self._journal.customer[-1].state
            if held.deleted or held.discount is not None:
                raise DoesNotApply("the customer has a discount, or is gone")
            discount = self._discount(coupon, at, level, self._journal.customer_id)
            self._journal.change_customer(at, discount=discount)
            self._journal.announce(at, "customer.discount.created", discount.holder, 0, discount)
            self._watch(None, discount)
            return
        sub = self._sub(key)
        state = sub.state
        if item >= len(state.items):
            raise DoesNotApply(f"no item {item}")
        holder = sub.id if level == "subscription" else state.items[item].id
        discount = self._discount(coupon, at, level, holder)
        if level == "subscription":
            self._journal.write(sub, at, "discount_start", "dated", discounts=(*state.discounts, discount))
        else:
            self._journal.write(
                sub,
                at,
                "discount_start",
                "dated",
                items=tuple(
                    replace(each, discounts=(*each.discounts, discount)) if each.id == holder else each for each in state.items
                ),
            )
        self._journal.announce(at, "customer.discount.created", discount.holder, 0, discount)
        self._watch(sub, discount)

    def _do_undiscount(self, at: int, *, key: str, level: str, item: int) -> None:
        if level == "customer":
            held = self._journal.customer[-1].state.discount
            if held is not None:
                self._drop_discount(None, held, at, "removed")
            return
        sub = self._sub(key)
        found = sub.state.discounts if level == "subscription" else sub.state.items[item].discounts
        for discount in found:
            self._drop_discount(sub, discount, at, "removed")

    # Changing

    def _do_change(self, at: int, *, key: str, item: int, price: str | None, quantity: int | None, proration: str) -> None:
        sub = self._sub(key, "active", "past_due", "trialing")
        state = sub.state
        old, new = self._exchanged(sub, at, item, price, quantity)
        was, now = self._catalog.prices[old.price], self._catalog.prices[new.price]
        swap = (was.interval, was.interval_count) != (now.interval, now.interval_count)
        cause = "quantity" if was.id == now.id else "plan" if swap or was.product != now.product else "price"
        trial = state.status == "trialing"
        if swap and not trial:
            if len(state.items) > 1:
                raise DoesNotApply("a change of interval needs a single item")
            new = replace(new, start=at, end=self._period_end(new.price, at, 1), anchor=at, cycles=1)
        trace = "none" if trial or proration == "none" else "prorated"
        if swap and not trial:
            trace = "prorated"
        items = tuple(new if each.id == old.id else each for each in state.items)
        lines = []
        if trace == "prorated" and (proration != "none" or not swap):
            lines = self._prorate(sub, at, state.items, items, old, new)
        anchor: dict[str, Any] = {"anchor": at} if swap and not trial else {}
        self._journal.write(sub, at, cause, trace, items=items, **anchor)
        if swap and not trial:
            self._await_renewals(sub, [new])
            due = [new] if proration == "none" else []
            pending, sub.pending = [*sub.pending, *lines], []
            self._bill(sub, at, "subscription_update", pending, due, at_once=True)
        else:
            self._charge_prorations(sub, at, lines, proration)

    def _exchanged(self, sub: OpenSubscription, at: int, item: int, price: str | None, quantity: int | None) -> tuple[Item, Item]:
        """The item at index `item` as it is and as it would be."""
        items = sub.state.items
        if item >= len(items):
            raise DoesNotApply(f"no item {item}")
        old = items[item]
        new_price = old.price if price is None or price == self._catalog.prices[old.price].id else self._on_sale(price, at)
        new = replace(old, price=new_price, quantity=quantity if quantity is not None else old.quantity)
        if (new.price, new.quantity) == (old.price, old.quantity):
            raise DoesNotApply("nothing changes")
        if self._clashes(items, new):
            raise DoesNotApply("two items of one price")
        return old, new

    def _do_offer(
        self, at: int, *, key: str, item: int, price: str | None, quantity: int | None, settled: int, outcome: str
    ) -> None:
        sub = self._sub(key, "active")
        before = sub.state.items
        old, new = self._exchanged(sub, at, item, price, quantity)
        was, now = self._catalog.prices[old.price], self._catalog.prices[new.price]
        if (was.interval, was.interval_count) != (now.interval, now.interval_count) or sub.state.pending is not None:
            raise DoesNotApply("only an upgrade within one interval waits, and one at a time")
        after = tuple(new if each.id == old.id else each for each in before)
        lines = self._prorate(sub, at, before, after, old, new)
        self._journal.write(sub, at, "offered", "pending", pending=PendingUpdate(settled, after))
        invoice = self._journal.open_invoice(sub, at, "subscription_update", lines, (old.start, at), self._taxed())
        self._journal.write(sub, at, "billed", "invoice", latest_invoice=invoice.id)
        self._journal.step(invoice, at, "open")
        cause = "quantity" if was.id == now.id else "plan" if was.product != now.product else "price"

        def settle(moment: int) -> None:
            if sub.over or sub.state.pending is None:
                return
            if outcome == "paid" and sub.state.items == before and sub.state.status == "active":
                self._journal.step(invoice, moment, "paid", attempts=1)
                self._journal.write(sub, moment, cause, "prorated", items=after, pending=None)
                self._journal.remark(sub, moment, "pending_update_applied")
                return
            if outcome != "open":
                self._journal.step(invoice, moment, "void")
            self._journal.write(sub, moment, "offer_over", "pending", pending=None)
            self._journal.remark(sub, moment, "pending_update_expired")

        self._later(settled, ACTS, settle)

    def _clashes(self, items: tuple[Item, ...], new: Item) -> bool:
        return any(each.price == new.price and each.id != new.id for each in items)

    def _prorate(
        self,
        sub: OpenSubscription,
        at: int,
        before: tuple[Item, ...],
        after: tuple[Item, ...],
        old: Item | None,
        new: Item | None,
    ) -> list[LineDraft]:
        """The credit of `old` and the debit of `new`, for what is left of their periods."""
        lines = []
        for kind, item, items in (("credit", old, before), ("debit", new, after)):
            if item is None or self._catalog.prices[item.price].metered:
                continue
            whole = self._whole_discounts(sub)
            exact = discounted_amount(self._catalog, sub.currency, items, items.index(item), whole)
            share = Fraction(item.end - at, item.end - item.start)
            lines.append(proration_line(self._catalog, kind, item, exact * share, at, item.end, sub.billed.get(item.id)))
        return lines

    def _charge_prorations(self, sub: OpenSubscription, at: int, lines: list[LineDraft], proration: str) -> None:
        if lines and proration == "always_invoice":
            pending, sub.pending = [*sub.pending, *lines], []
            self._bill(sub, at, "subscription_update", pending, [], at_once=True)
        else:
            self._journal.let_wait(sub, at, lines)

    def _do_add_item(self, at: int, *, key: str, price: str, quantity: int, proration: str) -> None:
        sub = self._sub(key, "active", "past_due", "trialing")
        state = sub.state
        price = self._on_sale(price, at)
        identifier, _ = self._journal.identity("si", at)
        first = state.items[0]
        new = replace(first, id=identifier, price=price, quantity=quantity, created=at, discounts=())
        if self._clashes(state.items, new):
            raise DoesNotApply("two items of one price")
        was, now = self._catalog.prices[first.price], self._catalog.prices[price]
        mixed = (was.interval, was.interval_count) != (now.interval, now.interval_count)
        if mixed and (not sub.flexible or state.status == "trialing"):
            raise DoesNotApply("mixed intervals need a flexible subscription that is not on trial")
        if mixed:
            new = replace(new, start=at, end=self._period_end(price, at, 1), anchor=at, cycles=1)
        items = (*state.items, new)
        metered = now.metered
        trace = "none" if state.status == "trialing" or (proration == "none" and not mixed) else "prorated"
        lines = self._prorate(sub, at, state.items, items, None, new) if trace == "prorated" and not mixed else []
        self._journal.write(sub, at, "usage_item" if metered else "addon", trace, items=items)
        if mixed:
            self._await_renewals(sub, [new])
            self._bill(sub, at, "subscription_update", [], [new], at_once=True)
        else:
            self._charge_prorations(sub, at, lines, proration)

    def _do_remove_item(self, at: int, *, key: str, item: int, proration: str) -> None:
        sub = self._sub(key, "active", "past_due", "trialing")
        state = sub.state
        if not 0 < len(state.items) - 1 or item >= len(state.items):
            raise DoesNotApply(f"no item {item} to remove")
        old = state.items[item]
        items = tuple(each for each in state.items if each.id != old.id)
        trace = "none" if state.status == "trialing" or proration == "none" else "prorated"
        lines = self._prorate(sub, at, state.items, items, old, None) if trace == "prorated" else []
        self._journal.write(sub, at, "removed_product", trace, items=items)
        self._charge_prorations(sub, at, lines, proration)

    def _open_schedule(
        self, sub: OpenSubscription, at: int, phases: tuple[tuple[int, str, int], ...], pause_at: int | None, resume_at: int | None
    ) -> Schedule:
        first = sub.state.items[0]
        identifier, place = self._journal.identity("sub_sched", at)
        plan = Schedule(
            identifier,
            place,
            self._journal.customer_id,
            sub.id,
            sub.currency,
            at,
            (first.price, first.quantity),
            phases,
            pause_at,
            resume_at,
        )
        self._journal.open_schedule(plan)
        self._journal.write(sub, at, "scheduled", "schedule", schedule=plan.id)
        return plan

    def _release(self, sub: OpenSubscription, at: int, plan: Schedule) -> None:
        if at >= plan.over_at and sub.state.schedule == plan.id:
            self._journal.write(sub, at, "released", "schedule", schedule=None)

    def _do_schedule_phases(self, at: int, *, key: str, phases: tuple[tuple[int, str, int], ...]) -> None:
        sub = self._sub(key, "active")
        plan = self._open_schedule(sub, at, tuple((on, self._on_sale(price, at), n) for on, price, n in phases), None, None)

        def switch(now: int, price: str, quantity: int) -> None:
            if sub.state.schedule == plan.id and sub.state.status in ("active", "past_due"):
                self._release(sub, now, plan)
                self._do_change(now, key=key, item=0, price=price, quantity=quantity, proration="none")

        for on, price, quantity in phases:
            self._later(on, ACTS, lambda now, p=price, n=quantity: self._perform(switch, now, {"price": p, "quantity": n}))  # type: ignore[misc]

    def _do_plan_pause(self, at: int, *, key: str, on: int, until: int | None) -> None:
        sub = self._sub(key, "active")
        plan = self._open_schedule(sub, at, (), on, until)

        def act(now: int, *, pauses: bool) -> None:
            if sub.state.schedule == plan.id:
                self._release(sub, now, plan)
                if pauses:
                    self._do_hold(now, key=key)
                else:
                    self._do_release(now, key=key)

        self._later(on, ACTS, lambda now: self._perform(act, now, {"pauses": True}))
        if until is not None:
            self._later(until, ACTS, lambda now: self._perform(act, now, {"pauses": False}))

    def _do_give_trial(self, at: int, *, key: str, until: int) -> None:
        sub = self._sub(key, "active")
        items = [replace(item, start=at, end=until, anchor=until, cycles=0) for item in sub.state.items]
        self._journal.write(
            sub, at, "trial", "trial", status="trialing", trial_start=at, trial_end=until, items=tuple(items), anchor=until
        )
        self._later(until, RENEWALS, lambda now: self._trial_over(sub, now))
        self._bill(sub, at, "subscription_update", [trial_line(self._catalog, item) for item in items], [], at_once=True)

    def _do_set_trial_end(self, at: int, *, key: str, trial_end: int) -> None:
        sub = self._sub(key, "trialing")
        items = tuple(replace(item, end=trial_end, anchor=trial_end) for item in sub.state.items)
        self._journal.write(sub, at, "trial_moved", "trial", trial_end=trial_end, items=items, anchor=trial_end)
        self._later(trial_end, RENEWALS, lambda now: self._trial_over(sub, now))

    def _do_label(self, at: int, *, key: str, metadata: tuple[tuple[str, str], ...]) -> None:
        sub = self._sub(key)
        self._journal.write(sub, at, "labelled", "metadata", metadata=metadata)

    def _do_put_status(self, at: int, *, key: str, status: str) -> None:
        sub = self._sub(key)
        self._journal.write(sub, at, "start" if status == "active" else "status_unknown", "status", status=status)

    def _do_vanish(self, at: int, *, key: str) -> None:
        self._sub(key).vanished_at = at

    # Pausing

    def _do_pause(self, at: int, *, key: str, behavior: str, resumes_at: int | None) -> None:
        sub = self._sub(key, "active", "past_due")
        cause = "paused" if behavior != "keep_as_draft" else "held_drafts"
        self._journal.write(sub, at, cause, "collection", pause_behavior=behavior, pause_resumes_at=resumes_at)
        if resumes_at is not None:
            self._later(resumes_at, ENDS, lambda now: self._resume_if(sub, now, resumes_at))

    def _do_resume(self, at: int, *, key: str) -> None:
        sub = self._sub(key)
        if sub.state.pause_behavior is None:
            raise DoesNotApply("not paused")
        self._resume(sub, at)

    def _do_hold(self, at: int, *, key: str) -> None:
        sub = self._sub(key, "active", "past_due")
        self._journal.write(sub, at, "paused", "hold", status="paused", held_at=at, held_type="pause_requested")
        self._journal.remark(sub, at, "paused")

    def _do_release(self, at: int, *, key: str) -> None:
        sub = self._sub(key, "paused")
        self._restart(sub, at, "subscription_update", "resumed", "hold", at_once=True, held_at=None, held_type=None)
        self._journal.remark(sub, at, "resumed")

    # Ending

    def _do_cancel(self, at: int, *, key: str, at_period_end: bool, on: int | None, feedback: str | None, reason: str) -> None:
        sub = self._sub(key)
        if not at_period_end and on is None:
            self._finish(sub, at, reason, feedback)
            return
        end = on if on is not None else min(item.end for item in sub.state.items)
        self._journal.write(
            sub,
            at,
            "cancel_asked",
            "schedule",
            cancel_at=end,
            cancel_at_period_end=at_period_end,
            canceled_at=at,
            cancel_reason="cancellation_requested",
            feedback=feedback,
        )
        self._later(end, ENDS, lambda now: self._end_if(sub, now))

    def _do_withdraw(self, at: int, *, key: str) -> None:
        sub = self._sub(key)
        if sub.state.cancel_at is None:
            raise DoesNotApply("no cancellation to withdraw")
        self._journal.write(
            sub,
            at,
            "cancel_withdrawn",
            "schedule",
            cancel_at=None,
            cancel_at_period_end=False,
            canceled_at=None,
            cancel_reason=None,
            feedback=None,
        )

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
