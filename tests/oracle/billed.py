"""A subscription that keeps its periods and sends its invoices.

A *life* is the ground truth: the subscription's state after each thing that happened to it, and the invoices that it was sent.
"""

from dataclasses import dataclass, field, replace

from metrics.evidence import Discount, Instant, Invoice, InvoiceEvidence, InvoiceLine, Item, Subscription
from tests.oracle.catalog import BEGIN, CATALOG, DAY
from tests.oracle.naive_pricing import one_period_later, running


@dataclass
class Life:
    """One subscription as it truly was: its state from each moment on, and its invoices with the moment of each."""

    states: list[tuple[int, Subscription]] = field(default_factory=list)
    invoices: list[InvoiceEvidence] = field(default_factory=list)

    def at(self, moment: int) -> Subscription | None:
        """What it was at a moment."""
        told = [s for at, s in self.states if at <= moment]
        return told[-1] if told else None


class Billed:
    """A subscription while it lives: it keeps its periods and sends its invoices."""

    def __init__(self, name: str, birth: str, day: int, second: int, currency: str, price: str, quantity: int) -> None:
        self.name, self.life = name, Life()
        self.numbers = 0
        self.pending: list[InvoiceLine] = []
        created = BEGIN + day * DAY + second
        start = created - 12 * DAY if birth == "backdated" else created
        status = {"trial": "trialing", "incomplete": "incomplete", "expired": "incomplete"}.get(birth, "active")
        self.now = created
        self.s = Subscription(name, "cus", status, currency, Instant(created), Instant(start), ())
        item = self.item(price, quantity, start)
        if birth == "trial":
            end = Instant(created + 14 * DAY)
            self.s = replace(self.s, trial_start=Instant(created), trial_end=end)
            item = replace(item, period_end=end)
        self.s = replace(self.s, items=(item,))
        self.put()
        status = {"incomplete": "open", "expired": "void"}.get(birth, "paid")
        self.bill("subscription_create", [self.cycle_line(item, free=birth == "trial")], status)
        if birth == "incomplete":
            self.pass_to(created + 3600)
            self.settle("paid")
            self.become(status="active")
        if birth == "expired":
            self.pass_to(created + 23 * 3600)
            self.become(status="incomplete_expired", ended_at=Instant(self.now))

    # --- keeping the books ---------------------------------------------------------------------------------------------

    def number(self, what: str) -> str:
        self.numbers += 1
        return f"{what}_{self.name}_{self.numbers:03d}"

    def item(self, price: str, quantity: int, start: int) -> Item:
        end = one_period_later(start, CATALOG.prices[price])
        metered = CATALOG.prices[price].usage == "metered"
        return Item(self.number("si"), price, None if metered else quantity, (), Instant(start), Instant(end or start))

    def put(self) -> None:
        """Write down the state as it is now, without discounts that have run out."""
        s = self.s
        if s.status not in ("canceled", "incomplete_expired"):
            items = tuple(replace(i, discounts=tuple(d for d in i.discounts if running(d, self.now))) for i in s.items)
            s = replace(s, items=items, discounts=tuple(d for d in s.discounts if running(d, self.now)))
        self.s = s
        if not self.life.states or self.life.states[-1][1] != s:
            self.life.states.append((self.now, s))

    def become(self, **changes: object) -> None:
        self.s = replace(self.s, **changes)  # type: ignore[arg-type]  # fields of a subscription, named by this module
        self.put()

    def line(
        self, item: Item, start: int, end: int, amount: int, quantity: int | None, proration: bool, credit: bool = False
    ) -> InvoiceLine:
        return InvoiceLine(
            self.number("il"),
            "",
            self.name,
            item.id,
            item.price,
            quantity,
            amount,
            self.s.currency,
            Instant(start),
            Instant(end),
            proration,
            () if proration else self.on_line(item),
            0,
            ("il_before",) if credit else (),
            item.quantity_decimal,
        )

    def on_line(self, item: Item) -> tuple[tuple[Discount, int], ...]:
        product = CATALOG.prices[item.price or ""].product
        out = []
        for d in (*item.discounts, *self.s.discounts):
            products = CATALOG.coupons[d.coupon or ""].products
            if running(d, self.now) and (products is None or product in products):
                out.append((d, 1))
        return tuple(out)

    def cycle_line(self, item: Item, free: bool = False) -> InvoiceLine:
        return self.line(item, item.period_start or 0, item.period_end or 0, 0 if free else 1000, item.quantity, False)

    def bill(self, reason: str, lines: list[InvoiceLine], status: str) -> None:
        name = self.number("in")
        whole = [*self.pending, *lines] if status != "void" or reason != "subscription_create" else lines
        self.pending = []
        head = Invoice(
            name,
            "cus",
            self.name,
            status,
            Instant(self.now),
            self.s.currency,
            reason,
            paid_at=Instant(self.now) if status == "paid" else None,
        )
        self.life.invoices.append(InvoiceEvidence(head, tuple(replace(x, invoice=name) for x in whole)))

    def settle(self, status: str) -> None:
        """The last invoice comes to be paid, or isn't."""
        last = self.life.invoices[-1]
        self.life.invoices[-1] = replace(
            last, head=replace(last.head, status=status, paid_at=Instant(self.now) if status == "paid" else None)
        )

    # --- time ------------------------------------------------------------------------------------------------------------

    def pass_to(self, moment: int) -> None:
        """Let time pass: trials and periods end, invoices go out, a scheduled end comes."""
        while True:
            s = self.s
            due = [i.period_end for i in s.items if i.period_end is not None]
            alive = s.status in ("active", "past_due", "unpaid", "trialing")
            nxt = min(due, default=moment + 1) if alive else moment + 1
            if s.cancel_at is not None and alive:
                nxt = min(nxt, s.cancel_at)
            if nxt > moment:
                break
            self.now = max(self.now, nxt)
            if s.cancel_at is not None and s.cancel_at <= nxt:
                self.become(status="canceled", ended_at=Instant(self.now), cancel_reason="cancellation_requested")
            else:
                self.roll()
        self.now = max(self.now, moment)

    def roll(self) -> None:
        """The periods that end now give way to the next."""
        was = self.s
        rolled = [i for i in was.items if i.period_end == self.now]
        fresh = {}
        arrears = []
        for i in rolled:
            price = CATALOG.prices[i.price or ""]
            end = one_period_later(self.now, price) or self.now
            ahead = i.billed_until if i.billed_until is not None and i.billed_until > end else None
            fresh[i.id] = replace(i, period_start=Instant(self.now), period_end=Instant(end), billed_until=ahead)
            if price.usage == "metered" and was.status != "trialing":
                arrears.append(self.line(i, i.period_start or 0, self.now, 700 + self.numbers, 700, False))
        items = tuple(fresh.get(i.id, i) for i in was.items)
        spent = [d for d in was.discounts if CATALOG.coupons[d.coupon or ""].duration == "once" and self.spent(d)]
        self.s = replace(was, items=items, discounts=tuple(d for d in was.discounts if d not in spent))
        due = [i for i in rolled if i.billed_until is None or i.billed_until < (fresh[i.id].period_end or 0)]
        lines = [self.cycle_line(fresh[i.id]) for i in due if CATALOG.prices[i.price or ""].usage != "metered"]
        status = "draft" if was.status == "unpaid" else "open" if was.status == "past_due" else "paid"
        if was.pause is not None and was.status != "unpaid":
            status = {"void": "void", "keep_as_draft": "draft", "mark_uncollectible": "uncollectible"}[was.pause.behavior]
        if was.status == "trialing":
            self.bill("subscription_cycle", lines, "paid")
            self.now += 7  # Stripe's event comes some seconds after the trial's end
            self.become(status="active")
        else:
            if arrears or lines or self.pending:
                self.bill("subscription_cycle", [*arrears, *lines], status)
            self.put()

    def spent(self, d: Discount) -> bool:
        """Whether a coupon for one invoice has had its whole period on every item."""
        ends = [one_period_later(d.start, CATALOG.prices[i.price or ""]) or 0 for i in self.s.items]
        return all(self.now >= end for end in ends)


def billed_to(item: Item) -> int:
    """How far an item is billed."""
    return item.billed_until or item.period_end or 0
