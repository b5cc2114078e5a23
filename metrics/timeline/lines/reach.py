"""How far items are billed: what is billed ahead lets its item reach beyond its period, unless the item was billed anew since.

A change that was billed and never came about bills nothing anew, so this is asked of the points that are left once unpaid changes are judged.
"""

from collections.abc import Sequence

from metrics.assigned import replace
from metrics.evidence import Instant
from metrics.timeline.lines.points import Point


def with_reach(points: list[Point]) -> list[Point]:
    """The points of changes that came about, those that bill a period reaching as far as their item is billed by then.

    What was billed ahead before the item was billed anew reaches nowhere.
    """
    if not any(p.ahead for p in points):
        return points
    reach: dict[tuple[str, str], Instant] = {}
    for p in points:
        if p.kind != "credit":
            reach[p.invoice, p.item] = max(p.until, reach.get((p.invoice, p.item), p.until))
    return [
        replace(p, until=p.at if p.ahead and _since_changed(p, points) else reach.get((p.invoice, p.item), p.until))
        if p.kind != "credit"
        else p
        for p in points
    ]


def _since_changed(ahead: Point, points: Sequence[Point]) -> bool:
    return any(
        p.item == ahead.item and ahead.invoiced < p.invoiced and p.at <= ahead.at for p in points if p.invoice != ahead.invoice
    )
