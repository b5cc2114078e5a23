"""What was observed of a subscription: states that Stripe described, at their moments, and what an invoice line is.

The state before an event was observed just before the event's own.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

from metrics.evidence import Instant, InvoiceEvidence, InvoiceLine, Item, Source, Subscription, SubscriptionEvidence

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
                was is None or (s.source_id in before and agree(before[s.source_id].subscription, was))
                for was, s in zip(chain, order, strict=False)
            ):
                now = list(order)
                break
        for s in now:
            if s.source_id in before:
                was = before[s.source_id].subscription
                out.append(Seen(at, was, Source.EVENT_BEFORE, gap=not (out and agree(out[-1].subscription, was))))
            out.append(Seen(at, s.subscription, Source.EVENT, gap=s.source_id not in before))
        out += [Seen(at, s.subscription, Source.SNAPSHOT) for s in distinct if s.source == Source.SNAPSHOT and s.at == at]
    return out


def agree(one: Subscription, other: Subscription) -> bool:
    """Whether two states say the same as far as both say it: an item that doesn't say which discounts it has says nothing against any."""
    if len(one.items) != len(other.items):
        return False
    pairs = list(zip(one.items, other.items, strict=True))
    silent = [not (a.discounts_complete and b.discounts_complete) for a, b in pairs]
    alike = [replace(a, discounts=b.discounts, discounts_complete=b.discounts_complete) for a, b in pairs]
    return replace(one, items=tuple(x if s else a for x, s, (a, _) in zip(alike, silent, pairs, strict=True))) == other


def with_ends(seen: list[Seen]) -> list[Seen]:
    """Whoever says that it is over, and not since when, is told by another answer, by the event of the end, or by when it was to be or asked to be canceled.

    What was asked for counts only between the last sign of life and the first sign of its end.
    """
    over = [s for s in seen if s.subscription.status in ("canceled", "incomplete_expired")]
    if not over:
        return seen
    told = {s.subscription.ended_at for s in over} - {None}
    alive = max((s.at for s in seen if s not in over), default=int(over[0].subscription.created))
    asked = [s.subscription.cancel_at for s in over] + [s.subscription.canceled_at for s in over]
    between = [at for at in asked if at is not None and alive < at <= over[0].at]
    if told:
        (end,) = told
    elif over[0].source == Source.EVENT:
        end = Instant(over[0].at)
    else:
        end = next(iter(between), None)
    return [replace(s, subscription=replace(s.subscription, ended_at=end)) if s in over else s for s in seen]


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


def much(x: Item | InvoiceLine) -> tuple[str | None, Fraction | int | None]:
    """The price and how many of it."""
    return x.price, exactly(x)


def exactly(x: Item | InvoiceLine) -> Fraction | int | None:
    """How many."""
    return x.quantity if x.quantity_decimal is None else Fraction(x.quantity_decimal)


def counted(item: Item, many: Fraction | int | None) -> Item:
    """The item with so many."""
    if many is None or many == int(many):
        return replace(item, quantity=None if many is None else int(many), quantity_decimal=None)
    return replace(item, quantity=int(many), quantity_decimal=Decimal(many.numerator) / many.denominator)


def evident(invoices: tuple[InvoiceEvidence, ...]) -> list[InvoiceEvidence]:
    """Invoices whose lines say something: not drafts; each once."""
    return [i for i in dict.fromkeys(invoices) if i.head.status != "draft"]


def is_ahead(line: InvoiceLine, bill: InvoiceEvidence) -> bool:
    """Whether a line is for a period that began after its bill was made."""
    return not line.proration and line.period_start > bill.head.created + DAY


def scheduled(s: Subscription) -> bool:
    """An end has been asked for and isn't reached."""
    return s.status != "canceled" and (s.cancel_at_period_end or s.cancel_at is not None)
