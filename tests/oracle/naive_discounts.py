"""Which discounts were on a subscription and on its items at a second: those seen last, and those that are said to have begun since."""

from dataclasses import dataclass, field

from metrics.evidence import Discount, InvoiceLine, Source
from tests.oracle.naive_told import Told

Sighting = tuple[int, tuple[Discount, ...], bool]
"""When discounts were seen, which they were, and whether a gap lay before."""


@dataclass
class Discounts:
    """The discounts that a subscription and its items had."""

    told: Told
    shown: dict[str, list[Sighting]] = field(default_factory=dict)

    def sightings(self, pick: str) -> list[Sighting]:
        """When the discounts of the whole ("") or of an item were seen: the moment, which they were, and whether a gap lay before."""
        if pick not in self.shown:
            self.shown[pick] = self.showing(pick)
        return self.shown[pick]

    def showing(self, pick: str) -> list[Sighting]:
        """Likewise, found out."""
        before: list[Sighting] = []
        states: list[Sighting] = []
        for s in self.told.telling(pick):
            there = [i for i in s.subscription.items if i.id == pick]
            if not pick or there:
                seen = (s.at, there[0].discounts if there else s.subscription.discounts, s.gap)
                (before if s.source == Source.EVENT_BEFORE else states).append(seen)
        whole = {d.id for s in self.told.seen for d in s.subscription.discounts}
        single = {d.id for s in self.told.seen for i in s.subscription.items for d in i.discounts}
        told = []
        # What a line shows that is billed ahead was in force when its bill was made.
        dated = [(line.period_start, line) for line in self.told.lines if not line.proration]
        dated += [(self.told.created[line.invoice], line) for line in self.told.ahead if line.discounts_told]
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
        # On one second what an event says was before it comes first, then lines.
        return sorted([*before, *told, *states], key=lambda x: x[0])

    def unseeable(self, moment: int, lines: list[InvoiceLine]) -> list[Discount]:
        """Discounts of the state seen next that had begun, but apply to nothing that these lines bill."""
        nxt = next((s for s in self.told.seen if s.at > moment), None)
        products = {self.told.catalog.prices[line.price].product for line in lines if line.price is not None}
        out = []
        for d in nxt.subscription.discounts if nxt else ():
            coupon = self.told.catalog.coupons.get(d.coupon or "")
            if d.start <= moment and coupon is not None and coupon.products is not None and not products & set(coupon.products):
                out.append(d)
        return out

    def in_gap(self, moment: int, item: str = "") -> bool:
        """Whether lines of this moment speak (of an item)."""
        cur, nxt = self.told.around(moment, sights=self.told.telling(item))
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
        # What begins in the very second of the end was never there: a period that was paid beyond the end goes on as it was.
        over = self.told.last.ended_at if self.told.last.status == "canceled" else None
        return [d for d in out if over is None or d.start < over]

    def of_whole(self, at: int) -> list[Discount]:
        """The discounts on the whole subscription that are known for a second."""
        return self.known_discounts("", at)

    def of_item(self, item: str, at: int) -> tuple[Discount, ...]:
        """An item's own."""
        return tuple(self.known_discounts(item, at))
