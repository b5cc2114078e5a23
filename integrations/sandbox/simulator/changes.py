"""What is done to a simulated subscription's items and discounts, with the prorations that come of it."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from integrations.sandbox.simulator.billing_cycles import add_months
from integrations.sandbox.simulator.invoicing import (
    LineDraft,
    discounted_amount,
    proration_line,
)
from integrations.sandbox.simulator.lifecycle import ACTS, Lifecycle
from integrations.sandbox.simulator.recorder import OpenSubscription
from integrations.sandbox.simulator.records import (
    Discount,
    Item,
    PendingUpdate,
)


class DoesNotApply(ValueError):
    """An act that the state of things does not allow."""


class Changes(Lifecycle):
    """Acts on items and discounts. An act that the state of things does not allow raises DoesNotApply."""

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
