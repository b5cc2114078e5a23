"""What a subscription was at any second, found afresh for each second asked: no timeline, no steps.

Written from the definitions alone. Evidence is a heap of *observations* (`naive_seen`). A question is answered by the observation before
the second and the one after it. Between two observations that aren't a chain of events, or before the first, lines speak.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from metrics.evidence import Item, SubscriptionEvidence
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from tests.oracle.naive_discounts import Discounts
from tests.oracle.naive_items import Items
from tests.oracle.naive_pricing import Held
from tests.oracle.naive_standing import Standing
from tests.oracle.naive_told import Told


@dataclass
class Past:
    """The evidence of one subscription, ready to be asked."""

    evidence: SubscriptionEvidence
    catalog: Catalog
    policy: Policy

    def __post_init__(self) -> None:
        self.told = Told(self.evidence, self.catalog, self.policy)
        self.items = Items(self.told)
        self.discounts = Discounts(self.told)
        self.standing = Standing(self.told)

    def counts(self, at: int) -> bool:
        """Whether its MRR is in at a second, under the policy."""
        return self.standing.counts(at)

    def held(self, at: int) -> Held:
        """Items and discounts at a second."""
        cur, nxt = self.told.around(at)
        some = (cur or nxt or self.told.seen[-1]).subscription
        items = [self.on_its_trial(replace(i, discounts=self.discounts.of_item(i.id, at)), at) for i in self.items.at(at)]
        if cur is None and nxt is not None and not any(x.period_start < nxt.at for x in self.told.lines):
            items = [replace(i, trial_start=None) for i in items]  # nobody was there: an add-on begins with its trial
        return Held(some.currency, items, self.discounts.of_whole(at))

    def on_its_trial(self, item: Item, at: int) -> Item:
        """With the dates of its own trial as they are told next, if nobody had told of one by then."""
        if item.trial_end is not None:
            return item
        later = (
            i for s in self.told.seen if s.at > at for i in s.subscription.items if i.id == item.id and i.trial_start is not None
        )
        told = next(later, item)
        return replace(item, trial_start=told.trial_start, trial_end=told.trial_end)

    def usage(self, at: int) -> dict[str, Fraction]:
        """What each metered item came to in the last period that had ended."""
        out: dict[str, Fraction] = {}
        for item in {line.item for line in self.told.lines if line.item}:
            mine = [x for x in self.told.lines if x.item == item and not x.proration and x.period_end <= at]
            price = self.catalog.prices.get(mine[-1].price or "") if mine else None
            if price is not None and price.usage == "metered":
                last = max(x.period_end for x in mine)
                out[item] = Fraction(sum(x.amount for x in mine if x.period_end == last))
        return out

    def seconds(self) -> list[int]:
        """Every second at which anything could change."""
        out: set[int] = (
            {s.at for s in self.told.seen}
            | {line.period_start for line in self.told.lines}
            | {line.period_end for line in self.told.lines}
        )
        for s in (x.subscription for x in self.told.seen):
            marks = [s.created, s.start, s.trial_end, s.ended_at, s.canceled_at, s.paused_at, s.cancel_at]
            held = [*s.discounts, *(d for i in s.items for d in i.discounts)]
            marks += (
                [i.trial_start for i in s.items] + [i.trial_end for i in s.items] + [d.start for d in held] + [d.end for d in held]
            )
            out |= {m for m in marks if m is not None}
        for d in [d for line in self.told.lines for d, _ in line.discounts]:
            out |= {m for m in (d.start, d.end) if m is not None}
        return sorted(out | {i.head.created for i in self.evidence.invoices})
