"""Of all ways that lead from ours to theirs the likeliest: the plainest rule that explains a whole customer, then what explains most others.

A single amount can agree by chance under many rules. So a way that explains every difference of a customer comes before those that explain
some of them, a policy choice before an accident, and among equals the one that explains most customers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from metrics.reconcile.candidates import Candidates, Way
from metrics.reconcile.rules import NOTHING_THERE, ROUNDING, UNEXPLAINED, UNKNOWN_HERE, UNKNOWN_THERE, Cell, Named, Rule


def choose(found: Sequence[Candidates]) -> list[Named]:
    """The differences of each customer (and currency), named. What no way leads to is unexplained."""
    whole = [_whole(of_one) for of_one in found]
    popular = Counter(way for ways in whole for way in ways)
    out: list[Named] = []
    for of_one, ways in zip(found, whole, strict=True):
        if ways:
            way = min(ways, key=lambda w: (w.tier, -popular[w], ways.index(w)))
            out += [Named(cell, of_one[cell][way]) for cell in of_one]
        else:
            out += _one_by_one(of_one, popular)
    return out


def _whole(of_one: Candidates) -> list[Way]:
    """The ways that explain every difference of a customer."""
    of_cells = list(of_one.values())
    return [way for way in of_cells[0] if all(way in other for other in of_cells[1:])] if of_cells else []


def _one_by_one(of_one: Candidates, popular: Mapping[Way, int]) -> Iterable[Named]:
    """Again and again the way that explains most of what is left, the plainest first."""
    left = dict(of_one)
    while left:
        counts = Counter(way for ways in left.values() for way in ways)
        if not counts:
            break
        ways = list(counts)
        way = min(ways, key=lambda w: (w.tier, -counts[w], -popular.get(w, 0), ways.index(w)))
        for cell in [cell for cell, theirs in left.items() if way in theirs]:
            yield Named(cell, left.pop(cell)[way])
    for cell in left:
        yield Named(cell, ((UNEXPLAINED, cell.delta_micros),))


def explains_all(of_one: Candidates, *, tiers: int) -> bool:
    """Whether a way not more far-fetched than `tiers` explains every difference of a customer."""
    return any(way.tier <= tiers for way in _whole(of_one))


def rounded(cell: Cell) -> Named:
    """A difference that is no more than rounding."""
    return Named(cell, ((ROUNDING, cell.delta_micros),))


def absent(cells: Iterable[Cell], *, listed: bool) -> list[Named]:
    """The differences of a customer of whom the file says nothing: it names it without an amount (`listed`), or not at all."""
    return _all(cells, NOTHING_THERE if listed else UNKNOWN_THERE)


def stranger(cells: Iterable[Cell]) -> list[Named]:
    """The differences of somebody whom nobody here knows."""
    return _all(cells, UNKNOWN_HERE)


def _all(cells: Iterable[Cell], rule: Rule) -> list[Named]:
    return [Named(cell, ((rule, cell.delta_micros),)) for cell in cells if cell.delta_micros]
