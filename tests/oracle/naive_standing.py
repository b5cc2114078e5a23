"""Whether a subscription counted at a second: by its status, its pauses, its trials and its end."""

from dataclasses import dataclass

from metrics.evidence import Source, Subscription
from tests.oracle.naive_seen import DAY, LIVE, Seen, credited, evident, much, scheduled
from tests.oracle.naive_told import Told


@dataclass
class Standing:
    """What a subscription's status came to."""

    told: Told

    def never_was(self) -> bool:
        """The first invoice was voided before anything was paid."""
        first = [i.head for i in self.told.evidence.invoices if i.head.billing_reason == "subscription_create"]
        paid = [i.head for i in self.told.evidence.invoices if i.head.status == "paid" or i.head.paid_at is not None]
        return bool(first) and all(h.status == "void" for h in first) and not paid

    def counts(self, at: int) -> bool:
        """Whether its MRR is in at a second, under the policy."""
        if self.told.last.test_clock or self.never_was():
            return False
        ended = self.told.last.ended_at if self.told.last.status == "canceled" else None
        if ended is not None and self.told.policy.churn_at == "paid_period_end":
            over = self.paid_until() or ended
            return at < over and self.live(min(at, ended - 1))
        return self.live(at)

    def paid_until(self) -> int | None:
        """The end of the last period that was paid and not given back: each credit takes back the oldest line that it can.

        What was billed ahead lengthens no life: neither a period that begins after the end, nor what a line covers beyond its item's own.
        """
        heads = [i.head for i in self.told.evidence.invoices for _ in i.lines]
        told = sorted(
            zip(heads, [x for i in self.told.evidence.invoices for x in i.lines], strict=True),
            key=lambda pair: (pair[1].period_start, pair[0].created, pair[1].id),
        )
        told = [(h, x) for h, x in told if h.status not in ("draft", "void")]
        over = self.told.last.ended_at
        if over is not None:  # a period that was billed when it began at the very end is one; billed ahead it is none
            told = [(h, x) for h, x in told if x.period_start < over or x.period_start == over <= h.created]
        own = {i.id: i.period_end for i in self.told.last.items if i.billed_until is not None}
        waiting = [x for _, x in told if credited(x)]
        ends = []
        for h, x in told:
            if credited(x):
                continue
            end = min(x.period_end, own.get(x.item or "") or x.period_end)
            taking = [c for c in waiting if (c.item, much(c)) == (x.item, much(x)) and x.period_start <= c.period_start < end]
            if taking:
                waiting.remove(taking[0])
                end = taking[0].period_start
            if h.status == "paid":
                ends.append(end)
        return max(ends, default=None)

    def live(self, at: int) -> bool:
        """Whether status, pauses and cancellations let it count."""
        cur, nxt = self.told.around(at)
        if cur is not None:
            return self.live_after(cur, nxt, at)
        assert nxt is not None
        s = nxt.subscription
        start = s.created if self.told.policy.start_at_booking else s.start
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
        if s.status == "paused" and self.told.policy.paused_counts:
            return nxt is None or not self.gone(nxt, at, cur.at)
        if s.status not in LIVE:
            return False
        if nxt is not None and nxt.gap and self.free_between(cur, nxt, at):
            return False
        if s.pause is not None and s.pause.behavior != "keep_as_draft" and not self.told.policy.paused_counts:
            return False
        if self.told.policy.churn_at == "request" and scheduled(s) and at >= (s.canceled_at or cur.at):
            return False
        limit = self.told.policy.past_due_out_after_days
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
        became_other = [x for x in self.told.seen if x.at > at and x.subscription.status != "trialing"]
        if nxt is None or not became_other:
            return False
        nxt = became_other[0]
        n = nxt.subscription
        end = n.trial_end if n.trial_end is not None else nxt.at
        became = n.status in (*LIVE, "unpaid", "paused") or (n.status == "canceled" and (n.ended_at or 0) > end)
        return became and at >= end and not self.gone(nxt, at, end)

    def past_due_since(self, cur: Seen) -> int:
        """When the run of past-due observations began that holds this one."""
        at = self.told.seen.index(cur)
        while at > 0 and self.told.seen[at - 1].subscription.status == "past_due":
            at -= 1
        first, dated = self.told.seen[at], self.failing(0)
        low = self.told.seen[at - 1].at if at else first.subscription.start
        told = first.gap and first.source != Source.EVENT and dated is not None and low <= dated <= first.at
        return dated if told and dated is not None else first.at

    def gone(self, nxt: Seen, at: int, since: int) -> bool:
        """Whether what was seen next says that MRR had gone by a second before it was seen."""
        n = nxt.subscription
        if n.status == "canceled" and n.ended_at is not None and at >= n.ended_at:
            return True
        if (
            self.told.policy.churn_at == "request"
            and (scheduled(n) or n.status == "canceled")
            and n.canceled_at is not None
            and at >= n.canceled_at
        ):
            return True
        if nxt.gap and not self.told.policy.paused_counts and n.pause is not None and n.pause.behavior != "keep_as_draft":
            dated = self.uncollected(nxt.at)
            if dated is not None and since <= dated <= at:
                return True
        if n.status == "paused" and not self.told.policy.paused_counts and n.paused_at is not None and since <= n.paused_at <= at:
            return True
        if n.status == "unpaid" and nxt.source != Source.EVENT:
            dated = self.failing(1)
            return dated is not None and since <= dated <= at
        if n.status == "past_due" and nxt.source != Source.EVENT and self.told.policy.past_due_out_after_days is not None:
            dated = self.failing(0)
            return dated is not None and since <= dated and at >= dated + self.told.policy.past_due_out_after_days * DAY
        return False

    def uncollected(self, until: int) -> int | None:
        """When the first cycle began that was voided or given up, and after which none was paid up to a second."""
        billed = [
            (min(x.period_start for x in i.lines if not x.proration), i.head)
            for i in evident(self.told.evidence.invoices)
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
        heads = sorted((i.head for i in self.told.evidence.invoices), key=lambda h: (h.created, h.id))
        while any(h.status == "paid" for h in heads):
            heads.pop(0)
        while heads and heads[0].status not in ("open", "uncollectible"):
            heads.pop(0)
        return heads[number].created if len(heads) > number else None
