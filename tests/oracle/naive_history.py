"""What a subscription was at any second, found afresh for each second asked: no timeline, no steps.

Written from the definitions alone. Evidence is a heap of *observations*: states that Stripe described, at their moments (the state
before an event just before the event's own), and invoice lines. A question is answered by the observation before the second and the
one after it. Between two observations that aren't a chain of events, or before the first, lines speak.

Every item is asked about by itself, and an observation whose list of items was cut says nothing of an item that isn't on it: for that
item it is no observation at all.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

from metrics.evidence import (
    Discount,
    Instant,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Source,
    Subscription,
    SubscriptionEvidence,
    UnreadLine,
)
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from tests.oracle.naive_pricing import Held

DAY = 86_400
LIVE = ("active", "past_due")


@dataclass(frozen=True)
class Seen:
    """The subscription was so at `at`. `gap` says that events may be missing between the observation before and this one."""

    at: int
    subscription: Subscription
    source: Source
    gap: bool = True


def observations(evidence: SubscriptionEvidence) -> list[Seen]:
    """Every state in order of time: on one second events, chained by what each says was before it, then listings."""
    distinct = list(dict.fromkeys(evidence.states))
    before = {s.source_id: s for s in distinct if s.source == Source.EVENT_BEFORE}
    events = [s for s in distinct if s.source == Source.EVENT]
    out: list[Seen] = []
    for at in sorted({s.at for s in distinct}):
        now = [s for s in events if s.at == at]
        last = out[-1].subscription if out else None
        for order in permutations(sorted(now, key=lambda s: s.source_id)):
            chain = [last, *(s.subscription for s in order)]
            if all(
                was is None or (s.source_id in before and before[s.source_id].subscription == was)
                for was, s in zip(chain, order, strict=False)
            ):
                now = list(order)
                break
        for s in now:
            if s.source_id in before:
                was = before[s.source_id].subscription
                out.append(Seen(at, was, Source.EVENT_BEFORE, gap=not (out and out[-1].subscription == was)))
            out.append(Seen(at, s.subscription, Source.EVENT, gap=s.source_id not in before))
        out += [Seen(at, s.subscription, Source.SNAPSHOT) for s in distinct if s.source == Source.SNAPSHOT and s.at == at]
    return out


def dated_pauses(seen: list[Seen]) -> list[Seen]:
    """One pause began once: whoever doesn't say when is told by the first after it that does, if nothing else was seen in between."""

    def since(n: int) -> Instant | None:
        for later in seen[n:]:
            if later.subscription.status != "paused":
                return None
            if later.subscription.paused_at is not None:
                return later.subscription.paused_at if later.subscription.paused_at <= seen[n].at else None
        return None

    return [replace(x, subscription=replace(x.subscription, paused_at=since(n))) for n, x in enumerate(seen)]


def credited(line: InvoiceLine) -> bool:
    """Whether a line gives back what was billed before: it names the old state."""
    return line.proration and (line.amount < 0 or bool(line.credited_lines))


def evident(invoices: tuple[InvoiceEvidence, ...]) -> list[InvoiceEvidence]:
    """Invoices whose lines say something: not drafts; each once."""
    return [i for i in dict.fromkeys(invoices) if i.head.status != "draft"]


def is_ahead(line: InvoiceLine, bill: InvoiceEvidence) -> bool:
    """Whether a line is for a period that began after its bill was made."""
    return not line.proration and line.period_start > bill.head.created + DAY


@dataclass
class Past:
    """The evidence of one subscription, ready to be asked."""

    evidence: SubscriptionEvidence
    catalog: Catalog
    policy: Policy

    def __post_init__(self) -> None:
        self.speaking: dict[str, list[Seen]] = {}
        self.shown: dict[str, list[tuple[int, tuple[Discount, ...], bool]]] = {}
        self.seen = dated_pauses(observations(self.evidence))
        doubtful = [i for i in evident(self.evidence.invoices) if i.head.status == "void" and i.head.paid_at is None]
        doubtful = [i for i in doubtful if i.head.billing_reason == "subscription_update"]
        bills = sorted(evident(self.evidence.invoices), key=lambda i: (i.head.created, i.head.id))
        self.created = {i.head.id: i.head.created for i in self.evidence.invoices}
        self.incomplete = {i.head.id for i in bills if i.unread}
        self.ahead = [line for i in bills for line in i.lines if is_ahead(line, i)]
        self.lines = [line for i in bills if i not in doubtful for line in i.lines if not is_ahead(line, i)]
        self.last = self.seen[-1].subscription
        for i in sorted(doubtful, key=lambda i: (i.head.created, i.head.id), reverse=True):
            self.lines += [line for line in i.lines if self.came_about(i, line)]
        unread = [found for i in bills for x in i.unread if (found := self.of_some_item(x, i, bills)) is not None]
        self.ahead += [x for x in unread if x.period_start > self.created[x.invoice] + DAY]
        self.mute = [x for x in unread if x.period_start <= self.created[x.invoice] + DAY]

    def says_what(self, line: InvoiceLine) -> bool:
        """Whether a line says what its item is: its price, and how many where that is not usage.

        Where a line of its bill can't be read, one of a tiered price doesn't: the other may be of another tier.
        """
        price = self.catalog.prices.get(line.price or "")
        if price is not None and price.scheme == "tiered" and line.invoice in self.incomplete:
            return False
        return line.price is not None and (line.quantity is not None or (price is not None and price.usage == "metered"))

    def of_some_item(self, unread: UnreadLine, bill: InvoiceEvidence, bills: list[InvoiceEvidence]) -> InvoiceLine | None:
        """A line that doesn't name its item as one that says only that the item was billed: the item that had its price.

        Of several that had it, the one whose periods lead up to the line's, go on from it, or begin or end with it; if there are more, nobody knows.
        """
        if unread.price is None or (unread.amount or 0) < 0 or unread.period_start is None or unread.period_end is None:
            return None
        spans: dict[str, set[Instant | None]] = {}
        for x in [x for i in bills for x in i.lines] + [i for s in self.seen for i in s.subscription.items]:
            name = x.item if isinstance(x, InvoiceLine) else x.id
            if x.price == unread.price and name is not None:
                spans.setdefault(name, set()).update((x.period_start, x.period_end))
        if len(spans) > 1:
            spans = {name: ends for name, ends in spans.items() if unread.period_start in ends or unread.period_end in ends}
        if len(spans) != 1:
            return None
        (item,) = spans
        head, begins, ends = bill.head, unread.period_start, unread.period_end
        return InvoiceLine(unread.id, head.id, self.last.id, item, None, None, 0, head.currency, begins, ends, discounts_told=False)

    def sights(self, item: str = "") -> list[Seen]:
        """What speaks of an item: every observation but those of a list that was cut and on which it isn't. Told once: it is asked often."""
        if item not in self.speaking:
            self.speaking[item] = self.speaking_of(item) if item else self.seen
        return self.speaking[item]

    def speaking_of(self, item: str) -> list[Seen]:
        """Likewise, found out."""
        out: list[Seen] = []
        missed = False
        for s in self.seen:
            if s.subscription.items_complete or item in [i.id for i in s.subscription.items]:
                out.append(replace(s, gap=s.gap or missed))
                missed = False
            else:
                missed = True
        return out

    def around(self, at: int, item: str = "") -> tuple[Seen | None, Seen | None]:
        """The last observation (that speaks of an item) at or before a second, and the first one after it."""
        sights = self.sights(item)
        earlier = [s for s in sights if s.at <= at]
        later = [s for s in sights if s.at > at]
        return (earlier[-1] if earlier else None), (later[0] if later else None)

    def came_about(self, bill: InvoiceEvidence, line: InvoiceLine) -> bool:
        """Whether a change that was billed and never paid is what is seen of its item next; asked of the latest such change first."""
        of_item = [x for x in bill.lines if x.item == line.item and x.period_start == line.period_start]
        wanted = [(x.price, x.quantity) for x in of_item if not credited(x)]
        had = [(x.price, x.quantity) for x in of_item if credited(x)]
        moment = line.period_start
        sights: list[tuple[int, int, tuple[str | None, int | None] | None]] = []
        for s in self.sights(line.item or ""):
            if s.at > moment or (s.at == moment and s.source != Source.EVENT_BEFORE):
                sights += [(s.at, 0, next(((i.price, i.quantity) for i in s.subscription.items if i.id == line.item), None))]
        for x in self.lines:
            after = x.period_start > moment or (x.period_start == moment and self.created[x.invoice] > bill.head.created)
            if after and x.item == line.item and self.says_what(x) and (credited(x) or not x.proration):
                sights.append((x.period_start, 1, (x.price, x.quantity)))
        if not sights or not wanted:
            return False
        found = min(sights, key=lambda sight: sight[:2])[2]
        return found == wanted[-1] or (
            found is not None and bool(had) and found[0] == wanted[-1][0] != had[0][0] and None not in (*wanted[-1], *had[0])
        )

    # --- what it consisted of ------------------------------------------------------------------------------------------

    def held(self, at: int) -> Held:
        """Items and discounts at a second."""
        cur, nxt = self.around(at)
        some = (cur or nxt or self.seen[-1]).subscription
        return Held(
            some.currency,
            [self.on_its_trial(replace(i, discounts=self.item_discounts(i.id, at)), at) for i in self.items(at)],
            self.discounts(at),
        )

    def on_its_trial(self, item: Item, at: int) -> Item:
        """With the dates of its own trial as they are told next, if nobody had told of one by then."""
        if item.trial_end is not None:
            return item
        later = (i for s in self.seen if s.at > at for i in s.subscription.items if i.id == item.id and i.trial_start is not None)
        told = next(later, item)
        return replace(item, trial_start=told.trial_start, trial_end=told.trial_end)

    def items(self, at: int) -> list[Item]:
        """The items at a second, each found by itself."""
        names = [i.id for s in self.seen for i in s.subscription.items] + [x.item for x in (*self.lines, *self.mute) if x.item]
        found = [self.item(name, at) for name in dict.fromkeys(names)]
        return [item for item in found if item is not None]

    def item(self, name: str, at: int) -> Item | None:
        """One item at a second, by walking the lines since the last observation that speaks of it."""
        cur, nxt = self.around(at, name)
        if nxt is not None and not nxt.gap and cur is not None:
            return next((i for i in cur.subscription.items if i.id == name), None)
        since = -1 if cur is None else cur.at - 1 if cur.source == Source.EVENT_BEFORE else cur.at  # the second itself is new then
        until = nxt.at if nxt else 1 << 60
        lines = [line for line in (*self.lines, *self.mute) if since < line.period_start < until]
        later = nxt.subscription if nxt is not None else None
        items = {i.id: i for i in cur.subscription.items} if cur is not None else self.at_first(lines, later)
        for moment in sorted({line.period_start for line in lines if line.period_start <= at}):
            items = self.after_lines(items, moment, [line for line in lines if line.period_start == moment], since)
        return items.get(name)

    def at_first(self, lines: list[InvoiceLine], later: Subscription | None) -> dict[str, Item]:
        """What it was before anything was observed: what the first lines say was there, else what was seen first."""
        if not lines:
            return {i.id: i for i in later.items} if later is not None else {}
        for moment in sorted({line.period_start for line in lines}):
            first = [line for line in lines if line.period_start == moment]
            old = [line for line in first if credited(line) and self.says_what(line)]
            cycle = [line for line in first if not line.proration]
            found = self.items_of(old or cycle or first)
            if not old:
                mute = {line.item for line in first if line.item is not None and not self.says_what(line)}
                found |= {name: item for name in mute - set(found) if (item := self.said_first(name, -1)) is not None}
            if found:
                return found
        return {i.id: i for i in later.items} if later is not None else {}

    def said_first(self, name: str, since: int) -> Item | None:
        """What is said of an item for the first time, where the line that bills it first says nothing.

        What an event says was before its very second is no news of that second.
        """
        heard = [s for s in self.sights(name) if s.at > since and (s.at, s.source) != (since + 1, Source.EVENT_BEFORE)]
        nxt = heard[0] if heard else None
        seen = next((i for i in nxt.subscription.items if i.id == name), None) if nxt is not None else None
        # A line for a period to come says what the item is when its bill is made.
        dated = [(x.period_start, x) for x in self.lines] + [(self.created[x.invoice], x) for x in self.ahead]
        known = [(at, x) for at, x in dated if x.item == name and at > since and self.says_what(x)]
        if nxt is not None and seen is not None:
            known = [(at, x) for at, x in known if at < nxt.at]
        known = sorted(((at, x) for at, x in known if credited(x) or not x.proration), key=lambda k: (k[0], not credited(k[1])))
        if known:
            first, kind = known[0][0], credited(known[0][1])
            return self.items_of([x for at, x in known if at == first and credited(x) == kind])[name]
        return seen

    def items_of(self, lines: list[InvoiceLine]) -> dict[str, Item]:
        """The items that lines of one kind and moment describe; several lines of one item and bill are its tiers."""
        out: dict[str, Item] = {}
        bills: dict[str, str] = {}
        for line in lines:
            if line.item is None or not self.says_what(line):
                continue
            price = self.catalog.prices.get(line.price or "")
            quantity = None if price is not None and price.usage == "metered" else line.quantity
            there = out.get(line.item) if bills.get(line.item) == line.invoice else None
            bills[line.item] = line.invoice
            if there is not None and there.quantity is not None:
                quantity = there.quantity + (quantity or 0)
            out[line.item] = Item(line.item, line.price, quantity, period_end=line.period_end)
        return out

    def debited(self, items: dict[str, Item], lines: list[InvoiceLine]) -> dict[str, Item]:
        """What pairs of one second come to: a debit that another pair credits again was only a step on the way."""
        out = {}
        for name in {line.item for line in lines if line.item is not None}:
            steps = [self.items_of([line])[name] for line in lines if line.item == name and not credited(line)]
            for line in lines:
                gone = (
                    [i for i in steps if (i.price, i.quantity) == (line.price, self.items_of([line])[name].quantity)]
                    if line.item == name
                    else []
                )
                if credited(line) and gone:
                    steps.remove(gone[0])
            if steps:
                out[name] = steps[-1]
            elif name in items and any(line.item == name and not credited(line) for line in lines):
                out[name] = items[name]
        return out

    def after_lines(self, items: dict[str, Item], moment: int, lines: list[InvoiceLine], since: int) -> dict[str, Item]:
        """What the lines that begin at a moment make of the items.

        An item whose line doesn't say what it is goes on as it was, or begins as what is said of it first. Where a line of the bill can't
        be read, that an item isn't on it means nothing, nor that only what it was is.
        """
        whole = all(line.invoice not in self.incomplete for line in lines)
        silent = [line for line in lines if not self.says_what(line)]
        lines = [line for line in lines if self.says_what(line)]
        answered = {(line.item, line.invoice) for line in silent if not credited(line)}
        answered |= {(line.item, line.invoice) for line in lines if line.invoice in self.incomplete}
        answered -= {(line.item, line.invoice) for line in lines if line.proration and not credited(line)}
        halves = [line for line in lines if (line.item, line.invoice) in answered and credited(line)]
        lines = [line for line in lines if line not in halves]
        unheard = {line.item for line in halves if line.item not in items} - {line.item for line in lines}
        # Half of a pair changes nothing; but what it gives back was there, whoever hasn't heard of it yet.
        items = {**items, **self.items_of([x for x in halves if x.item in unheard])}
        held = {line.item for line in silent} - {line.item for line in lines}
        for line in silent:
            if line.item is not None and line.item in held and line.item not in items:
                begins = self.said_first(line.item, since)
                items = items if begins is None else {**items, line.item: begins}
            if line.item in items and line.item in held and not credited(line):
                was = items[line.item]
                items = {**items, line.item: replace(was, period_end=max(was.period_end or line.period_end, line.period_end))}
        kept = {name: item for name, item in items.items() if name in held}
        billed = whole and any(not line.proration for line in [*lines, *silent])
        out = self.after_readable({n: i for n, i in items.items() if n not in held}, moment, lines, billed=billed)
        return {name: (kept | out)[name] for name in [*items, *out] if name in kept or name in out}

    def after_readable(self, items: dict[str, Item], moment: int, lines: list[InvoiceLine], *, billed: bool) -> dict[str, Item]:
        """Likewise of lines that all say what they bill."""
        credit = self.items_of([line for line in lines if credited(line)])
        debit = self.debited(items, [line for line in lines if line.proration])
        cycle = self.items_of([line for line in lines if not line.proration])
        out = {n: i for n, i in items.items() if n not in credit or n in debit or n in cycle}
        if billed:  # an item whose paid time is over and that isn't billed again has been removed
            out = {n: i for n, i in out.items() if n in cycle or n in debit or self.is_billed(i, moment)}
        back = [(line.item, line.price, line.quantity) for line in lines if credited(line)]
        upheld = {n: i for n, i in cycle.items() if n not in debit or (n, i.price, i.quantity) not in back}
        for name, item in (debit | upheld).items():  # a cycle and a change in one second: what is credited was before
            was = items.get(name, item)
            out[name] = replace(item, trial_start=was.trial_start, trial_end=was.trial_end)
        return out

    def is_billed(self, item: Item, moment: int) -> bool:
        """Whether what was billed of an item reaches beyond a moment, be it ahead."""
        ends = [item.period_end, item.billed_until]
        for x in self.ahead:
            newer = [
                y for y in self.lines if y.item == x.item and not credited(y) and self.created[y.invoice] > self.created[x.invoice]
            ]
            if x.item == item.id and self.created[x.invoice] <= moment and all(y.period_start > moment for y in newer):
                ends.append(x.period_end)
        return item.period_end is None or any(end is not None and end > moment for end in ends)

    # --- discounts -----------------------------------------------------------------------------------------------------

    def sightings(self, pick: str) -> list[tuple[int, tuple[Discount, ...], bool]]:
        """When the discounts of the whole ("") or of an item were seen: the moment, which they were, and whether a gap lay before."""
        if pick not in self.shown:
            self.shown[pick] = self.showing(pick)
        return self.shown[pick]

    def showing(self, pick: str) -> list[tuple[int, tuple[Discount, ...], bool]]:
        """Likewise, found out."""
        states = []
        for s in self.sights(pick):
            there = [i for i in s.subscription.items if i.id == pick]
            if not pick or there:
                states.append((s.at, there[0].discounts if there else s.subscription.discounts, s.gap))
        whole = {d.id for s in self.seen for d in s.subscription.discounts}
        single = {d.id for s in self.seen for i in s.subscription.items for d in i.discounts}
        told = []
        # What a line shows that is billed ahead was in force when its bill was made.
        dated = [(line.period_start, line) for line in self.lines if not line.proration]
        dated += [(self.created[line.invoice], line) for line in self.ahead if line.discounts_told]
        for moment in sorted({at for at, _ in dated}):
            lines = [line for at, line in dated if at == moment]
            found: dict[str, Discount] = {}
            for line in lines:
                for d, _ in line.discounts:
                    everywhere = all(d.id in [x.id for x, _ in other.discounts] for other in lines)
                    on_whole = d.id in whole or (d.id not in single and everywhere)
                    if on_whole != bool(pick) and (not pick or line.item == pick):
                        found[d.id] = d
            if not pick:
                found |= {d.id: d for d in self.unseeable(moment, lines)}
            if self.in_gap(moment, pick) and (not pick or pick in [line.item for line in lines]):
                told.append((moment, tuple(found.values()), True))
        return sorted([*told, *states], key=lambda x: x[0])  # on one second lines come first

    def unseeable(self, moment: int, lines: list[InvoiceLine]) -> list[Discount]:
        """Discounts of the state seen next that had begun, but apply to nothing that these lines bill."""
        nxt = next((s for s in self.seen if s.at > moment), None)
        products = {self.catalog.prices[line.price].product for line in lines if line.price is not None}
        out = []
        for d in nxt.subscription.discounts if nxt else ():
            coupon = self.catalog.coupons.get(d.coupon or "")
            if d.start <= moment and coupon is not None and coupon.products is not None and not products & set(coupon.products):
                out.append(d)
        return out

    def in_gap(self, moment: int, item: str = "") -> bool:
        """Whether lines of this moment speak (of an item)."""
        cur, nxt = self.around(moment, item)
        return nxt is None or nxt.gap or cur is None

    def known_discounts(self, pick: str, at: int) -> list[Discount]:
        """Those seen last, and those seen next that say that they began in between."""
        seen = self.sightings(pick)
        earlier = [x for x in seen if x[0] <= at]
        later = [x for x in seen if x[0] > at]
        out = list(earlier[-1][1]) if earlier else []
        if later and (later[0][2] or not earlier):
            since = earlier[-1][0] if earlier else -1
            out += [d for d in later[0][1] if d.start >= since and d.id not in [x.id for x in out]]
        return out

    def discounts(self, at: int) -> list[Discount]:
        """The discounts on the whole subscription that are known for a second."""
        return self.known_discounts("", at)

    def item_discounts(self, item: str, at: int) -> tuple[Discount, ...]:
        """An item's own."""
        return tuple(self.known_discounts(item, at))

    # --- whether it counts -----------------------------------------------------------------------------------------------

    def never_was(self) -> bool:
        """The first invoice was voided before anything was paid."""
        first = [i.head for i in self.evidence.invoices if i.head.billing_reason == "subscription_create"]
        paid = [i.head for i in self.evidence.invoices if i.head.status == "paid" or i.head.paid_at is not None]
        return bool(first) and all(h.status == "void" for h in first) and not paid

    def counts(self, at: int) -> bool:
        """Whether its MRR is in at a second, under the policy."""
        if self.last.test_clock or self.never_was():
            return False
        ended = self.last.ended_at if self.last.status == "canceled" else None
        if ended is not None and self.policy.churn_at == "paid_period_end":
            over = self.paid_until() or ended
            return at < over and self.live(min(at, ended - 1))
        return self.live(at)

    def paid_until(self) -> int | None:
        """The end of the last period that was paid and not given back: each credit takes back the oldest line that it can.

        What was billed ahead lengthens no life: neither a period that begins after the end, nor what a line covers beyond its item's own.
        """
        heads = [i.head for i in self.evidence.invoices for _ in i.lines]
        told = sorted(
            zip(heads, [x for i in self.evidence.invoices for x in i.lines], strict=True),
            key=lambda pair: (pair[1].period_start, pair[0].created, pair[1].id),
        )
        told = [(h, x) for h, x in told if h.status not in ("draft", "void")]
        over = self.last.ended_at
        if over is not None:  # a period that was billed when it began at the very end is one; billed ahead it is none
            told = [(h, x) for h, x in told if x.period_start < over or x.period_start == over <= h.created]
        own = {i.id: i.period_end for i in self.last.items if i.billed_until is not None}
        waiting = [x for _, x in told if credited(x)]
        ends = []
        for h, x in told:
            if credited(x):
                continue
            end = min(x.period_end, own.get(x.item or "") or x.period_end)
            taking = [
                c
                for c in waiting
                if (c.item, c.price, c.quantity) == (x.item, x.price, x.quantity) and x.period_start <= c.period_start < end
            ]
            if taking:
                waiting.remove(taking[0])
                end = taking[0].period_start
            if h.status == "paid":
                ends.append(end)
        return max(ends, default=None)

    def live(self, at: int) -> bool:
        """Whether status, pauses and cancellations let it count."""
        cur, nxt = self.around(at)
        if cur is not None:
            return self.live_after(cur, nxt, at)
        assert nxt is not None
        s = nxt.subscription
        start = s.created if self.policy.start_at_booking else s.start
        if at < start or s.status in ("incomplete", "incomplete_expired"):
            return False
        on_trial = s.trial_end is not None and (s.status == "trialing" or at < s.trial_end)
        if on_trial and (s.trial_start is None or at >= s.trial_start):
            return False
        return not self.gone(nxt, at, s.start)

    def live_after(self, cur: Seen, nxt: Seen | None, at: int) -> bool:
        """Likewise, when something was observed before."""
        s = cur.subscription
        if s.status == "trialing":
            return self.converted(s, nxt, at)
        if s.status == "paused" and self.policy.paused_counts:
            return nxt is None or not self.gone(nxt, at, cur.at)
        if s.status not in LIVE:
            return False
        if nxt is not None and nxt.gap and self.free_between(cur, nxt, at):
            return False
        if s.pause is not None and s.pause.behavior != "keep_as_draft" and not self.policy.paused_counts:
            return False
        if self.policy.churn_at == "request" and scheduled(s) and at >= (s.canceled_at or cur.at):
            return False
        limit = self.policy.past_due_out_after_days
        if s.status == "past_due" and limit is not None and at >= self.past_due_since(cur) + limit * DAY:
            return False
        return nxt is None or not self.gone(nxt, at, cur.at)

    def free_between(self, cur: Seen, nxt: Seen, at: int) -> bool:
        """Whether a trial that began since the last observation, as the next one says, was under way."""
        n = nxt.subscription
        if n.trial_start is None or n.trial_start == cur.subscription.trial_start or not cur.at < n.trial_start <= nxt.at:
            return False
        return at >= n.trial_start and (n.status == "trialing" or n.trial_end is None or at < n.trial_end)

    def converted(self, s: Subscription, nxt: Seen | None, at: int) -> bool:
        """A trial counts from its end, if what was seen next says that it became more than a trial."""
        became_other = [x for x in self.seen if x.at > at and x.subscription.status != "trialing"]
        if nxt is None or not became_other:
            return False
        nxt = became_other[0]
        n = nxt.subscription
        end = n.trial_end if n.trial_end is not None else nxt.at
        became = n.status in (*LIVE, "unpaid", "paused") or (n.status == "canceled" and (n.ended_at or 0) > end)
        return became and at >= end and not self.gone(nxt, at, end)

    def past_due_since(self, cur: Seen) -> int:
        """When the run of past-due observations began that holds this one."""
        at = self.seen.index(cur)
        while at > 0 and self.seen[at - 1].subscription.status == "past_due":
            at -= 1
        first, dated = self.seen[at], self.failing(0)
        low = self.seen[at - 1].at if at else first.subscription.start
        told = first.gap and first.source != Source.EVENT and dated is not None and low <= dated <= first.at
        return dated if told and dated is not None else first.at

    def gone(self, nxt: Seen, at: int, since: int) -> bool:
        """Whether what was seen next says that MRR had gone by a second before it was seen."""
        n = nxt.subscription
        if n.status == "canceled" and n.ended_at is not None and at >= n.ended_at:
            return True
        if (
            self.policy.churn_at == "request"
            and (scheduled(n) or n.status == "canceled")
            and n.canceled_at is not None
            and at >= n.canceled_at
        ):
            return True
        if nxt.gap and not self.policy.paused_counts and n.pause is not None and n.pause.behavior != "keep_as_draft":
            dated = self.uncollected(nxt.at)
            if dated is not None and since <= dated <= at:
                return True
        if n.status == "paused" and not self.policy.paused_counts and n.paused_at is not None and since <= n.paused_at <= at:
            return True
        if n.status == "unpaid" and nxt.source != Source.EVENT:
            dated = self.failing(1)
            return dated is not None and since <= dated <= at
        if n.status == "past_due" and nxt.source != Source.EVENT and self.policy.past_due_out_after_days is not None:
            dated = self.failing(0)
            return dated is not None and since <= dated and at >= dated + self.policy.past_due_out_after_days * DAY
        return False

    def uncollected(self, until: int) -> int | None:
        """When the first cycle began that was voided or given up, and after which none was paid up to a second."""
        billed = [
            (min(x.period_start for x in i.lines if not x.proration), i.head)
            for i in evident(self.evidence.invoices)
            if any(not x.proration for x in i.lines)
        ]
        billed = [(at, head) for at, head in billed if at <= until]
        paid = max(((at, h.created, h.id) for at, h in billed if h.status == "paid"), default=(-1, -1, ""))
        lost = [
            (at, h.created, h.id)
            for at, h in billed
            if h.status in ("void", "uncollectible") and h.billing_reason != "subscription_create"
        ]
        return min((x for x in lost if x > paid), default=(None,))[0]

    def failing(self, number: int) -> int | None:
        """When the invoice was made at which payment began to fail (0), or the one after it (1): none after it was ever paid."""
        heads = sorted((i.head for i in self.evidence.invoices), key=lambda h: (h.created, h.id))
        while any(h.status == "paid" for h in heads):
            heads.pop(0)
        while heads and heads[0].status not in ("open", "uncollectible"):
            heads.pop(0)
        return heads[number].created if len(heads) > number else None

    # --- circumstances ---------------------------------------------------------------------------------------------------

    def usage(self, at: int) -> dict[str, Fraction]:
        """What each metered item came to in the last period that had ended."""
        out: dict[str, Fraction] = {}
        for item in {line.item for line in self.lines if line.item}:
            mine = [x for x in self.lines if x.item == item and not x.proration and x.period_end <= at]
            price = self.catalog.prices.get(mine[-1].price or "") if mine else None
            if price is not None and price.usage == "metered":
                last = max(x.period_end for x in mine)
                out[item] = Fraction(sum(x.amount for x in mine if x.period_end == last))
        return out

    def seconds(self) -> list[int]:
        """Every second at which anything could change."""
        out: set[int] = (
            {s.at for s in self.seen} | {line.period_start for line in self.lines} | {line.period_end for line in self.lines}
        )
        for s in (x.subscription for x in self.seen):
            marks = [s.created, s.start, s.trial_end, s.ended_at, s.canceled_at, s.paused_at, s.cancel_at]
            held = [*s.discounts, *(d for i in s.items for d in i.discounts)]
            marks += (
                [i.trial_start for i in s.items] + [i.trial_end for i in s.items] + [d.start for d in held] + [d.end for d in held]
            )
            out |= {m for m in marks if m is not None}
        for d in [d for line in self.lines for d, _ in line.discounts]:
            out |= {m for m in (d.start, d.end) if m is not None}
        return sorted(out | {i.head.created for i in self.evidence.invoices})


def scheduled(s: Subscription) -> bool:
    """An end has been asked for and isn't reached."""
    return s.status != "canceled" and (s.cancel_at_period_end or s.cancel_at is not None)
