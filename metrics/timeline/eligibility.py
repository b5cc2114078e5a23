"""When a subscription counts: statuses, trials, pauses, past due and the end, under a policy.

The rules are definitions.md's section on a subscription over time, told as one answer for one moment, with the reason whenever the
answer is no. A reason is stored with what it leaves out. What a subscription is worth is `metrics.pricing.pricing`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.assigned import assigned, replace
from metrics.evidence import Instant, InvoiceEvidence, InvoiceLine, Subscription
from metrics.policy import Policy
from metrics.timeline.lines.invoice_history import NEVER, KnownState

DAY = 86_400
VOIDING = ("void", "mark_uncollectible")
BEHAVIORS = (*VOIDING, "keep_as_draft")
"""Ways to pause collection; one that isn't among them leaves MRR as it is, and is said."""


@assigned
@dataclass(frozen=True, slots=True)
class Counting:
    """Whether MRR counts at a moment; `reason` says why not."""

    counts: bool
    reason: str | None
    status: str
    at_risk: bool = False
    scheduled: bool = False


def is_voiding(s: Subscription) -> bool:
    """Whether collection is paused so that what is billed is never paid."""
    return s.pause is not None and s.pause.behavior in VOIDING


class Calendar:
    """The moments of one subscription's life that decide whether it counts.

    `known` are its states in order; before `first_state`, the moment of the first event or listing, states come from invoices and
    have no status of their own, so the dates that `first` carries (trial, request to cancel) speak for that time.
    """

    def __init__(
        self,
        known: Sequence[KnownState],
        first: Subscription,
        last: Subscription,
        first_state: Instant,
        policy: Policy,
        invoices: Sequence[InvoiceEvidence],
    ) -> None:
        self.known = known
        self.first = first
        self.policy = policy
        self.first_state = first_state
        self.end = _end(last, policy, invoices)
        self.past_due_since = _runs(known, "past_due")

    def edges(self, index: int) -> list[tuple[Instant, tuple[str, ...]]]:
        """The moments within the known state `index` at which counting may change by the calendar alone."""
        known = self.known[index]
        s = known.subscription
        out: list[Instant | None] = [self.end]
        if known.at < self.first_state:
            out += [self.first.trial_start, self.first.trial_end, self.first.canceled_at]
        days = self.policy.past_due_out_after_days
        if s.status == "past_due" and days is not None:
            out.append(Instant(self.past_due_since[index] + days * DAY))
        return [(at, (s.id,)) for at in out if at is not None]

    def at(self, index: int, at: Instant) -> Counting:
        """Whether the known state `index` counts at `at`."""
        s = self.known[index].subscription
        historic = at < self.first_state
        if self.end is not None and at >= self.end:
            return Counting(False, "canceled", "canceled")
        status = s.status
        if status == "canceled" and self.end is not None:
            return self._as_before(index)
        if historic and self._on_trial(at):
            return Counting(False, "trial", "trialing")
        asked = s.cancel_at_period_end or s.cancel_at is not None
        if historic and self.first.canceled_at is not None and at >= self.first.canceled_at:
            asked = True
        if asked and self.policy.churn_at == "request":
            return Counting(False, "canceled", status, scheduled=True)
        return self._by_status(s, index, at, asked)

    def _on_trial(self, at: Instant) -> bool:
        """Whether the dates of the first known state say that it was on trial; seen on trial after its end, it had not converted."""
        start, end = self.first.trial_start, self.first.trial_end
        if self.first.status == "trialing":
            return start is None or at >= start
        return start is not None and end is not None and start <= at < end

    def _as_before(self, index: int) -> Counting:
        """Ended, but the policy books the end later: it goes on as it was in the last second before."""
        while index and self.known[index - 1].subscription.status == "canceled":
            index -= 1
        over = self.known[index].at
        before = next((i for i in range(index - 1, -1, -1) if self.known[i].at < over), None)
        if before is None:
            return Counting(False, "canceled", "canceled")
        was = self.at(before, Instant(over - 1))
        return replace(was, status="canceled", scheduled=was.counts)

    def _by_status(self, s: Subscription, index: int, at: Instant, asked: bool) -> Counting:
        if s.status == "trialing":
            return Counting(False, "trial", s.status)
        paused = s.status == "paused" or is_voiding(s)
        if paused and not self.policy.paused_counts:
            return Counting(False, "paused", "paused")
        if s.status == "past_due":
            days = self.policy.past_due_out_after_days
            if days is not None and at >= self.past_due_since[index] + days * DAY:
                return Counting(False, "past_due", s.status)
            return Counting(True, None, s.status, at_risk=True, scheduled=asked)
        if s.status == "active" or paused:
            return Counting(True, None, s.status, scheduled=asked)
        known = ("incomplete", "incomplete_expired", "unpaid", "canceled")
        return Counting(False, s.status if s.status in known else "unknown_status", s.status)


def _runs(known: Sequence[KnownState], status: str) -> list[Instant]:
    """For each known state the moment at which its unbroken run of `status` began."""
    out: list[Instant] = []
    for index, state in enumerate(known):
        begun = out[-1] if index and known[index - 1].subscription.status == status == state.subscription.status else state.at
        out.append(begun)
    return out


def _end(last: Subscription, policy: Policy, invoices: Sequence[InvoiceEvidence]) -> Instant | None:
    """When the end is booked, if the subscription ended."""
    ended = last.ended_at
    if ended is None or policy.churn_at == "end":
        return ended
    if policy.churn_at == "request":
        return min(ended, last.canceled_at) if last.canceled_at is not None else ended
    paid = paid_until(invoices, last)
    return ended if paid is None else paid


def paid_until(invoices: Sequence[InvoiceEvidence], last: Subscription) -> Instant | None:
    """The end of the last period that was paid for and not given back; `last` is the subscription when last heard of.

    A proration that is paid reaches as far as its line says: after a change from monthly to yearly nothing else does. A credit ends the
    period of the lines that it names, else of the oldest one of its item, price and quantity that isn't taken back yet. Periods that were
    billed ahead lengthen no life: neither one that begins when it is over, nor what a line covers beyond its item's period. A period
    that was billed when it began counts, though the end came in that very second.
    """
    begun = [i for i in invoices if i.head.status not in ("draft", "void", "pending")]
    over = NEVER if last.ended_at is None else last.ended_at
    told = [
        (i.head, line) for i in begun for line in i.lines if line.period_start < over or line.period_start == over <= i.head.created
    ]
    told.sort(key=lambda pair: (pair[1].period_start, pair[0].created, pair[1].id))
    lines = [line for _, line in told if not line.gives_back]
    ahead = {i.id: i.period_end for i in last.items if i.billed_until is not None and i.period_end is not None}
    ends = {
        line.id: min(line.period_end, ahead.get(line.item or "", line.period_end))
        for head, line in told
        if head.status == "paid" and not line.gives_back
    }
    taken: set[str] = set()
    for _, credit in told:
        for line in _taken_back(credit, [x for x in lines if x.id not in taken]) if credit.gives_back else ():
            taken.add(line.id)
            if line.id in ends:
                ends[line.id] = credit.period_start
    return max(ends.values(), default=None)


def _taken_back(credit: InvoiceLine, lines: Sequence[InvoiceLine]) -> Sequence[InvoiceLine]:
    named = [line for line in lines if line.id in credit.credited_lines]
    if named:
        return named
    fitting = (
        line
        for line in lines
        if (line.item, line.price, line.quantity) == (credit.item, credit.price, credit.quantity)
        and line.period_start <= credit.period_start < line.period_end
    )
    first = next(fitting, None)
    return () if first is None else (first,)


def first_unpaid_cycle(invoices: Sequence[InvoiceEvidence]) -> tuple[Instant | None, Instant | None]:
    """When the first of the unpaid invoices at the end was made, and when the one after it was (draft or not)."""
    heads = sorted((i.head for i in invoices), key=lambda h: (h.created, h.id))
    paid = [index for index, h in enumerate(heads) if h.status == "paid"]
    rest = heads[paid[-1] + 1 :] if paid else heads
    failing = next((index for index, h in enumerate(rest) if h.status in ("open", "uncollectible")), None)
    if failing is None:
        return None, None
    following = rest[failing + 1].created if failing + 1 < len(rest) else None
    return rest[failing].created, following
