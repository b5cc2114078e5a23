"""What happens to a subscription: changes of what it is, of what it costs, of its payments, and its end."""

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from metrics.evidence import Discount, Instant, Item, Pause
from tests.oracle.billed import Billed, billed_to
from tests.oracle.catalog import CATALOG, COUPONS, DAY, MAIN, NOW
from tests.oracle.naive_pricing import one_period_later


@dataclass(frozen=True)
class Happening:
    """Something that is done to a subscription, `days` and `seconds` after the thing before. What doesn't apply is passed over."""

    days: int
    seconds: int
    what: str
    arg: int
    prorated: str  # now | later | never


class Living(Billed):
    """A subscription to which things happen."""

    def happen(self, h: Happening) -> None:
        """One thing happens, if it can."""
        self.pass_to(self.now + h.days * DAY + h.seconds)
        if self.s.status in ("canceled", "incomplete_expired") or self.now >= NOW:
            return
        getattr(self, f"on_{h.what}")(h)

    def change(self, old: Item | None, new: Item | None, h: Happening) -> None:
        """One item gives way to another (or comes, or goes), with a pair of lines unless it is done without proration."""
        items = [i for i in self.s.items if old is None or i.id != old.id]
        at = self.s.items.index(old) if old is not None else len(items)
        if new is not None:
            items.insert(at, new)
        billed = self.s.status in ("active", "past_due") and (self.s.pause is None or self.s.pause.behavior == "keep_as_draft")
        rescheduled = old is not None and new is not None and old.period_end != new.period_end
        metered = any(i is not None and CATALOG.prices[i.price or ""].usage == "metered" for i in (old, new))
        lines = []
        if billed and not metered and (rescheduled or h.prorated != "never"):
            if old is not None:
                lines.append(self.line(old, self.now, billed_to(old), -333, old.quantity, True, credit=True))
            if new is not None:
                lines.append(self.line(new, self.now, billed_to(new), 555, new.quantity, True))
        self.s = replace(self.s, items=tuple(items))
        self.put()
        if lines and (rescheduled or h.prorated == "now"):
            self.bill("subscription_update", lines, "open" if self.s.status == "past_due" else "paid")
        else:
            self.pending += lines

    def on_swap(self, h: Happening) -> None:
        old = self.s.items[h.arg % len(self.s.items)]
        price = MAIN[h.arg % len(MAIN)]
        if CATALOG.prices[old.price or ""].usage == "metered" or price == old.price:
            return
        a, b = CATALOG.prices[old.price or ""], CATALOG.prices[price]
        same = (a.interval, a.interval_count) == (b.interval, b.interval_count) or self.s.status == "trialing"
        new = replace(old, price=price)
        if not same:
            until = Instant(one_period_later(self.now, b) or 0)
            new = replace(new, period_start=Instant(self.now), period_end=until, billed_until=None)
        self.change(old, new, h)

    def on_quantity(self, h: Happening) -> None:
        old = self.s.items[h.arg % len(self.s.items)]
        if old.quantity is not None and (old.quantity, old.quantity_decimal) != (h.arg, None):
            self.change(old, replace(old, quantity=h.arg, quantity_decimal=None), h)

    def on_fraction(self, h: Happening) -> None:
        """As many and a part of one more."""
        old = self.s.items[h.arg % len(self.s.items)]
        exact = Decimal(h.arg) + (Decimal("0.125") if h.seconds else Decimal("0.5"))
        if old.quantity is not None and old.quantity_decimal != exact:
            self.change(old, replace(old, quantity=int(exact), quantity_decimal=exact), h)

    def on_add(self, h: Happening) -> None:
        first = self.s.items[0]
        if len(self.s.items) < 3 and CATALOG.prices[first.price or ""].interval == "month":
            price = "usage" if h.arg == 0 and self.s.status != "trialing" else "addon"
            if CATALOG.prices[first.price or ""].interval_count == 1:
                item = replace(
                    self.item(price, 1 + h.arg % 3, self.now), period_start=Instant(self.now), period_end=first.period_end
                )
                self.change(None, item, h)

    def on_remove(self, h: Happening) -> None:
        if len(self.s.items) > 1:
            self.change(self.s.items[-1 - h.arg % 2], None, h)

    def on_discount(self, h: Happening) -> None:
        coupon = CATALOG.coupons[COUPONS[h.arg % len(COUPONS)]]
        if any(d.coupon == coupon.id for d in self.s.discounts) or len(self.s.discounts) > 1:
            return
        end = Instant(self.now + 31 * DAY) if coupon.duration == "repeating" else None
        self.become(discounts=(*self.s.discounts, Discount(self.number("di"), coupon.id, Instant(self.now), end)))

    def on_undiscount(self, h: Happening) -> None:
        kept = [d for d in self.s.discounts if CATALOG.coupons[d.coupon or ""].duration == "once"]
        self.become(discounts=tuple(kept))

    def on_item_discount(self, h: Happening) -> None:
        old = self.s.items[-1]
        if not old.discounts:
            new = replace(old, discounts=(Discount(self.number("di"), "ten", Instant(self.now)),))
            self.become(items=(*self.s.items[:-1], new))

    def on_item_trial(self, h: Happening) -> None:
        old = self.s.items[-1]
        if len(self.s.items) > 1 and old.trial_end is None:
            start = Instant(self.now) if h.prorated != "never" else None  # what was stored by an older version lacks it
            self.become(
                items=(
                    *self.s.items[:-1],
                    replace(old, trial_start=start, trial_end=Instant(self.now + (1 + h.arg) * 3 * DAY)),
                )
            )

    def on_past_due(self, h: Happening) -> None:
        if self.s.status == "active" and self.s.pause is None:
            self.settle("open")
            self.become(status="past_due")

    def on_recover(self, h: Happening) -> None:
        if self.s.status in ("past_due", "unpaid"):
            self.settle("paid")
            self.become(status="active")

    def on_unpaid(self, h: Happening) -> None:
        if self.s.status == "past_due":
            self.become(status="unpaid")

    def on_pause_void(self, h: Happening) -> None:
        if self.s.status == "active" and self.s.pause is None:
            self.become(pause=Pause("void" if h.arg % 2 else "mark_uncollectible"))

    def on_pause_draft(self, h: Happening) -> None:
        if self.s.status == "active" and self.s.pause is None:
            self.become(pause=Pause("keep_as_draft"))

    def on_resume(self, h: Happening) -> None:
        self.become(pause=None)

    def on_paused(self, h: Happening) -> None:
        if self.s.status == "active" and self.s.cancel_at is None:
            self.become(status="paused", paused_at=Instant(self.now))

    def on_unpaused(self, h: Happening) -> None:
        if self.s.status == "paused":
            items = tuple(
                replace(
                    i,
                    period_start=Instant(self.now),
                    period_end=Instant(one_period_later(self.now, CATALOG.prices[i.price or ""]) or 0),
                    billed_until=None,
                )
                for i in self.s.items
            )
            self.s = replace(self.s, items=items)
            self.become(status="active", paused_at=None)
            lines = [self.cycle_line(i) for i in items if CATALOG.prices[i.price or ""].usage != "metered"]
            self.bill("subscription_cycle", lines, "paid")

    def on_schedule(self, h: Happening) -> None:
        end = max((i.period_end or 0 for i in self.s.items), default=0)
        if self.s.status in ("active", "past_due") and self.s.cancel_at is None and end > self.now:
            self.become(cancel_at=Instant(end), cancel_at_period_end=True, canceled_at=Instant(self.now))

    def on_withdraw(self, h: Happening) -> None:
        if self.s.cancel_at is not None:
            self.become(cancel_at=None, cancel_at_period_end=False, canceled_at=None)

    def on_cancel(self, h: Happening) -> None:
        reason = "payment_failed" if self.s.status in ("past_due", "unpaid") else "cancellation_requested"
        asked = self.s.canceled_at or Instant(self.now)
        self.become(status="canceled", ended_at=Instant(self.now), canceled_at=asked, cancel_reason=reason)

    def on_unpaid_change(self, h: Happening) -> None:
        """A change that waits for its payment, which never comes: its invoice is voided, and the subscription stays as it was."""
        old = self.s.items[h.arg % len(self.s.items)]
        if self.s.status != "active" or self.s.pause is not None or old.quantity in (None, h.arg + 1):
            return
        waiting, self.pending = self.pending, []
        credit = self.line(old, self.now, billed_to(old), -333, old.quantity, True, credit=True)
        more = replace(old, quantity=h.arg + 1, quantity_decimal=None)
        debit = self.line(more, self.now, billed_to(old), 555, more.quantity, True)
        self.bill("subscription_update", [credit, debit], "void")
        self.life.invoices.insert(len(self.life.invoices) - 2, self.life.invoices.pop())  # what is paid next is the one before
        self.pending = waiting

    def on_free_month(self, h: Happening) -> None:
        """A trial in the middle of a life; the next cycle begins when it is over."""
        if self.s.status != "active" or self.s.pause is not None or self.s.cancel_at is not None:
            return
        end = Instant(self.now + (3 + 5 * h.arg) * DAY)
        items = tuple(replace(i, period_start=Instant(self.now), period_end=end, billed_until=None) for i in self.s.items)
        self.become(status="trialing", trial_start=Instant(self.now), trial_end=end, items=items)

    def on_prebill(self, h: Happening) -> None:
        """Up to three further periods are billed now: with a line for each, or with one that covers them all."""
        if self.s.status != "active" or self.s.pause is not None or any(i.billed_until is not None for i in self.s.items):
            return
        items, lines = [], []
        for i in self.s.items:
            price = CATALOG.prices[i.price or ""]
            if price.usage == "metered":
                items.append(i)
                continue
            ends = [i.period_end or 0]
            for _ in range(1 + h.arg % 3):
                ends.append(one_period_later(ends[-1], price) or 0)
            items.append(replace(i, billed_until=Instant(ends[-1])))
            spans = pairwise(ends) if h.arg < 4 else [(ends[0], ends[-1])]
            lines += [self.line(i, start, end, 1000, i.quantity, False) for start, end in spans]
        self.become(items=tuple(items))
        self.bill("subscription_update", lines, "paid")

    def on_nothing(self, h: Happening) -> None:
        self.become(metadata=(("note", str(h.arg)),))
