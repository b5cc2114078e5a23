"""Random lives of subscriptions as Stripe would tell them, for hypothesis.

A *life* is the ground truth: the subscription's state after each thing that happened to it, and the invoices that it was sent. Evidence is
drawn from it the way the product meets it: all events; events from some day on with a listing before; listings and invoices alone;
a hole in the middle. What is drawn never contradicts the life, but may tell less than all of it.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from metrics.evidence import (
    Coupon,
    CurrencyOption,
    Customer,
    CustomerState,
    Discount,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Pause,
    Price,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
    Tier,
    UnreadLine,
)
from metrics.pricing.catalog import Catalog
from tests.oracle.naive_pricing import one_period_later, running
from tests.oracle.telling import told

LONGEST_STORY = 20_000
"""Signs of a case that are shown; hypothesis refuses to show 30,000."""
BEGIN = 1_735_689_600  # 1 January 2025, midnight UTC
DAY = 86_400
DAYS = 150
NOW = BEGIN + DAYS * DAY

TIERS = (Tier(3, Decimal(1000), None), Tier(None, Decimal(800), Decimal(500)))


def _price(name: str, product: str, cents: int, interval: str = "month", count: int = 1) -> Price:
    option = CurrencyOption("eur", Decimal(cents * 9) / 10)
    return Price(name, product, "usd", interval=interval, interval_count=count, unit=Decimal(cents), options=(option,))


CATALOG = Catalog(
    prices={
        p.id: p
        for p in (
            _price("basic", "pro", 1000),
            _price("better", "pro", 2500),
            _price("team", "team", 4000),
            _price("yearly", "pro", 9900, "year"),
            _price("fortnight", "pro", 700, "week", 2),
            _price("quarter", "team", 9000, "month", 3),
            _price("free", "pro", 0),
            replace(
                _price("seats", "seats", 0),
                unit=None,
                scheme="tiered",
                tiers_mode="graduated",
                tiers=TIERS,
                options=(CurrencyOption("eur", None, (Tier(None, Decimal(700), None),)),),
            ),
            _price("addon", "addon", 500),
            replace(_price("usage", "usage", 1), usage="metered"),
        )
    },
    coupons={
        c.id: c
        for c in (
            Coupon("ten", percent_off=Decimal(10)),
            Coupon("half", percent_off=Decimal(50), duration="repeating", months=1),
            Coupon("all", percent_off=Decimal(100), duration="repeating", months=1),
            Coupon("three", amount_off=300, currency="usd", amount_options=(("eur", 250),)),
            Coupon("gift", percent_off=Decimal(20), duration="once"),
            Coupon("addons", percent_off=Decimal(25), products=("addon",)),
        )
    },
)
MAIN = ("basic", "better", "team", "yearly", "fortnight", "quarter", "free", "seats")
COUPONS = tuple(CATALOG.coupons)
HAPPENS = (
    *("swap", "swap", "quantity", "quantity", "add", "remove", "discount", "undiscount", "item_discount"),
    *("past_due", "recover", "unpaid", "pause_void", "pause_draft", "resume", "paused", "unpaused"),
    *("schedule", "withdraw", "cancel", "item_trial", "nothing", "unpaid_change", "free_month", "prebill", "prebill"),
)


@dataclass(frozen=True)
class Happening:
    """Something that is done to a subscription, `days` and `seconds` after the thing before. What doesn't apply is passed over."""

    days: int
    seconds: int
    what: str
    arg: int
    prorated: str  # now | later | never


@dataclass
class Life:
    """One subscription as it truly was: its state from each moment on, and its invoices with the moment of each."""

    states: list[tuple[int, Subscription]] = field(default_factory=list)
    invoices: list[InvoiceEvidence] = field(default_factory=list)

    def at(self, moment: int) -> Subscription | None:
        """What it was at a moment."""
        told = [s for at, s in self.states if at <= moment]
        return told[-1] if told else None


class Living:
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

    # --- things that happen ------------------------------------------------------------------------------------------------

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
        if old.quantity is not None and old.quantity != h.arg:
            self.change(old, replace(old, quantity=h.arg), h)

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
        debit = self.line(old, self.now, billed_to(old), 555, h.arg + 1, True)
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


def billed_to(item: Item) -> int:
    """How far an item is billed."""
    return item.billed_until or item.period_end or 0


def happenings() -> st.SearchStrategy[Happening]:
    """Something that happens, often close upon the last thing."""
    return st.builds(
        Happening,
        st.sampled_from([0, 0, 1, 2, 3, 9, 16, 31, 40]),
        st.sampled_from([0, 1, 3_600, 43_199]),
        st.sampled_from(HAPPENS),
        st.integers(0, 7),
        st.sampled_from(["now", "later", "never"]),
    )


@st.composite
def lives(draw: st.DrawFn, name: str = "sub") -> Life:
    """The life of one subscription."""
    living = Living(
        name,
        draw(st.sampled_from(["plain", "plain", "plain", "trial", "backdated", "incomplete", "expired"])),
        draw(st.integers(15, 60)),
        draw(st.sampled_from([0, 3_600, 43_200, 86_399])),
        draw(st.sampled_from(["usd", "usd", "usd", "eur"])),
        draw(st.sampled_from(MAIN)),
        draw(st.integers(1, 5)),
    )
    for h in draw(st.lists(happenings(), max_size=8)):
        living.happen(h)
    if living.s.status not in ("canceled", "incomplete_expired"):
        living.pass_to(NOW)
    states = [(at, s) for at, s in living.life.states if at < NOW]
    invoices = [i for i in living.life.invoices if i.head.created < NOW]
    return Life(states, invoices)


# --- what of a life is known -------------------------------------------------------------------------------------------


def events(life: Life, since: int = 0, until: int = 1 << 60) -> list[SubscriptionState]:
    """The events of [since, until): each with the state before it, but for the one that made the subscription."""
    out = []
    for n, (at, s) in enumerate(life.states):
        if not since <= at < until:
            continue
        name = f"evt_{s.id}_{(n * 7919) % 1000:03d}"  # ids in no order, as Stripe's are
        if n:
            out.append(SubscriptionState(Instant(at), Source.EVENT_BEFORE, name, life.states[n - 1][1]))
        out.append(SubscriptionState(Instant(at), Source.EVENT, name, s))
    return out


def listed(life: Life, at: int) -> list[SubscriptionState]:
    """The subscription as listed at a moment, if it was there."""
    s = life.at(at)
    return [SubscriptionState(Instant(at), Source.SNAPSHOT, "", s)] if s is not None else []


def evidence(life: Life, way: str, cut: int, width: int) -> SubscriptionEvidence | None:
    """What is known of a life. Ways: events; tail (a listing at `cut` and the events since); recent (events from `cut` on); listing; bare (a listing, no invoice); hole; mixed."""
    invoices = tuple(life.invoices)
    final = listed(life, NOW - 1)
    match way:
        case "events":
            states, invoices = events(life), ()
        case "tail":
            states = [*listed(life, cut), *events(life, cut), *final]
        case "recent":
            states = [*events(life, cut), *final]
        case "listing":
            states = final
        case "bare":
            states, invoices = final, ()
        case "hole":
            states = [*events(life, until=cut), *listed(life, cut + width), *events(life, cut + width), *final]
        case _:
            states = [*events(life), *listed(life, cut), *final]
    name = life.states[0][1].id
    return SubscriptionEvidence(1, name, tuple(states), invoices) if states else None


def muted(evidence: SubscriptionEvidence, which: int) -> SubscriptionEvidence:
    """The same, with every so many-th line of a licensed price without its price, or without its quantity."""

    crowded = crowded_seconds(evidence)

    def mute(line: InvoiceLine) -> InvoiceLine:
        number = int(line.id.rsplit("_", 1)[1])
        if (
            number % which
            or line.period_start in crowded
            or CATALOG.prices[line.price or ""].usage == "metered"
            or not line.discounts_told
        ):
            return line
        return replace(line, price=None) if number % 2 else replace(line, quantity=None)

    invoices = tuple(replace(i, lines=tuple(map(mute, i.lines))) for i in evidence.invoices)
    return replace(evidence, invoices=invoices)


def crowded_seconds(evidence: SubscriptionEvidence) -> set[int]:
    """The seconds of several changes: if the line of one of them said nothing, nobody could tell what became of the item."""
    changes = Counter((line.period_start, line.gives_back) for bill in evidence.invoices for line in bill.lines if line.proration)
    return {second for (second, _), number in changes.items() if number > 1}


def undated(evidence: SubscriptionEvidence) -> SubscriptionEvidence:
    """The same in events of an older version, which don't say since when a subscription is paused, nor of trials of items; listings do."""

    def old(s: Subscription) -> Subscription:
        return replace(s, paused_at=None, items=tuple(replace(i, trial_start=None, trial_end=None) for i in s.items))

    states = (s if s.source == Source.SNAPSHOT else replace(s, subscription=old(s.subscription)) for s in evidence.states)
    return replace(evidence, states=tuple(states))


def without_parents(evidence: SubscriptionEvidence, which: int) -> SubscriptionEvidence:
    """The same, with every so many-th line without its parent, which is all that names its item; every other of them has no price either."""

    def number(line: InvoiceLine) -> int:
        return int(line.id.rsplit("_", 1)[1])

    def unread(line: InvoiceLine) -> UnreadLine:
        price = line.price if number(line) // which % 2 else None
        told = (line.amount, line.currency, None, price, line.period_start, line.period_end)
        return UnreadLine(line.id, "line_without_parent", "parent is missing", *told)

    crowded = crowded_seconds(evidence)

    def split(bill: InvoiceEvidence) -> InvoiceEvidence:
        orphans = {line.id for line in bill.lines if number(line) % which == 0 and line.period_start not in crowded}
        kept = tuple(line for line in bill.lines if line.id not in orphans)
        lost = tuple(unread(line) for line in bill.lines if line.id in orphans)
        return replace(bill, lines=kept, unread=lost)

    return replace(evidence, invoices=tuple(map(split, evidence.invoices)))


def with_cut_lists(evidence: SubscriptionEvidence, shown: int) -> SubscriptionEvidence:
    """The same, with no more than so many items in anything that an event shows, as Stripe shows no more than ten."""

    def first(state: SubscriptionState) -> SubscriptionState:
        s = state.subscription
        if state.source == Source.SNAPSHOT or len(s.items) <= shown:
            return state
        return replace(state, subscription=replace(s, items=s.items[:shown], items_complete=False))

    return replace(evidence, states=tuple(map(first, evidence.states)))


WAYS = ("events", "tail", "recent", "listing", "bare", "hole", "mixed")


@dataclass(frozen=True)
class Case:
    """One customer: its lives, and what is known of them."""

    lives: tuple[Life, ...]
    evidence: tuple[SubscriptionEvidence, ...]
    customer_states: tuple[CustomerState, ...] = ()

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: bool) -> None:
        """Likewise for hypothesis, which writes out every field else: so much that it warns, which hides what failed."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        """What is known, to be read where a case fails."""
        story = told(self.evidence, self.customer_states, BEGIN)
        return "\n" + (
            story if len(story) <= LONGEST_STORY else f"{story[:LONGEST_STORY]}\n… and {len(story) - LONGEST_STORY} signs more"
        )


@st.composite
def cases(draw: st.DrawFn, ways: tuple[str, ...] = WAYS, customer_discounts: bool = False, lacking: bool = False) -> Case:
    """A customer with one or two subscriptions. `lacking`: lines may lack their price, quantity or parent, and lists of items be cut."""
    lived = tuple(draw(lives(name=f"sub{n}")) for n in range(draw(st.sampled_from([1, 1, 2]))))
    way = draw(st.sampled_from(ways))
    cut, width = BEGIN + draw(st.integers(20, 120)) * DAY + 5, draw(st.integers(0, 60)) * DAY
    known = [evidence(life, way, cut, width) for life in lived]
    dated = any(s.status == "paused" or any(i.trial_start is not None for i in s.items) for life in lived for _, s in life.states)
    if dated and draw(st.booleans()):
        known = [e if e is None else undated(e) for e in known]
    if lacking:
        for lack, rates in ((muted, [0, 0, 2, 3, 5]), (without_parents, [0, 0, 2, 3, 5]), (with_cut_lists, [0, 0, 1, 2])):
            if which := draw(st.sampled_from(rates)):
                known = [e if e is None else lack(e, which) for e in known]
    states: tuple[CustomerState, ...] = ()
    if customer_discounts and draw(st.booleans()):
        start = Instant(BEGIN + draw(st.integers(10, 100)) * DAY + draw(st.sampled_from([0, 7_200])))
        end = Instant(start + draw(st.integers(1, 50)) * DAY)
        mine = Discount("di_cus", draw(st.sampled_from(["ten", "three", "half"])), start, draw(st.sampled_from([None, end])))
        made = CustomerState(Instant(BEGIN), Source.EVENT, "evt_cus_0", Customer("cus"))
        states = (made, CustomerState(start, Source.EVENT, "evt_cus_1", Customer("cus", discount=mine)))
    return Case(lived, tuple(e for e in known if e is not None), states)


def date_of(at: int) -> datetime:
    """A second as a moment, for messages."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
