"""The evidence of one subscription, sorted by what speaks of which item: a heap of observations and the lines that say something.

Every item is asked about by itself, and an observation whose list of items was cut says nothing of an item that isn't on it: for that
item it is no observation at all.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from metrics.evidence import Instant, InvoiceEvidence, InvoiceLine, Source, SubscriptionEvidence, UnreadLine
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from tests.oracle.naive_seen import DAY, Seen, credited, dated_pauses, evident, is_ahead, much, observations, with_ends


@dataclass
class Told:
    """The evidence of one subscription, ready to be asked."""

    evidence: SubscriptionEvidence
    catalog: Catalog
    policy: Policy

    def __post_init__(self) -> None:
        self.speaking: dict[str, list[Seen]] = {}
        self.seen = dated_pauses(with_ends(observations(self.evidence)))
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

    def telling(self, item: str) -> list[Seen]:
        """What speaks of the discounts of an item (or of the whole, ""): what speaks of it and says which discounts it has."""
        out: list[Seen] = []
        missed = False
        for s in self.sights(item):
            if all(i.discounts_complete for i in s.subscription.items if i.id == item):
                out.append(replace(s, gap=s.gap or missed))
                missed = False
            else:
                missed = True
        return out

    def around(self, at: int, item: str = "", sights: list[Seen] | None = None) -> tuple[Seen | None, Seen | None]:
        """The last observation (that speaks of an item) at or before a second, and the first one after it."""
        sights = self.sights(item) if sights is None else sights
        earlier = [s for s in sights if s.at <= at]
        later = [s for s in sights if s.at > at]
        return (earlier[-1] if earlier else None), (later[0] if later else None)

    def came_about(self, bill: InvoiceEvidence, line: InvoiceLine) -> bool:
        """Whether a change that was billed and never paid is what is seen of its item next; asked of the latest such change first."""
        of_item = [x for x in bill.lines if x.item == line.item and x.period_start == line.period_start]
        wanted = [much(x) for x in of_item if not credited(x)]
        had = [much(x) for x in of_item if credited(x)]
        moment = line.period_start
        sights: list[tuple[int, int, tuple[str | None, Fraction | int | None] | None]] = []
        for s in self.sights(line.item or ""):
            if s.at > moment or (s.at == moment and s.source != Source.EVENT_BEFORE):
                sights += [(s.at, 0, next((much(i) for i in s.subscription.items if i.id == line.item), None))]
        for x in self.lines:
            after = x.period_start > moment or (x.period_start == moment and self.created[x.invoice] > bill.head.created)
            if after and x.item == line.item and self.says_what(x) and (credited(x) or not x.proration):
                sights.append((x.period_start, 1, much(x)))
        if not sights or not wanted:
            return False
        found = min(sights, key=lambda sight: sight[:2])[2]
        return found == wanted[-1] or (
            found is not None and bool(had) and found[0] == wanted[-1][0] != had[0][0] and None not in (*wanted[-1], *had[0])
        )
