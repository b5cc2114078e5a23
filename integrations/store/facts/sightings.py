"""The moments at which listings said what a stored state says, packed small.

Stripe forgets events after thirty days, so a state that comes in late can lie between sightings of that time only: those are all kept.
Of older ones those are kept that came after a new invoice line, since a change that the line shows was undone by then.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from integrations.store.db.encoding import decode, encode, prepare
from metrics.evidence import Instant

KEPT_SECONDS: Final = 40 * 86_400
"""Sightings so long before the last one are all kept."""

_Packed: type[tuple[tuple[int, ...], tuple[int, ...]]] = tuple[tuple[int, ...], tuple[int, ...]]
prepare(_Packed)


@dataclass(frozen=True, slots=True)
class Sightings:
    """Moments in order; `lasting` are those of them that are kept for good."""

    moments: tuple[int, ...] = ()
    lasting: frozenset[int] = frozenset()

    @property
    def until(self) -> int | None:
        """The last one."""
        return self.moments[-1] if self.moments else None


NONE: Final = Sightings()


def of(moments: Iterable[int], lasting: Iterable[int] = ()) -> Sightings:
    """Sightings of these moments, without what need not be kept."""
    ordered = sorted(set(moments))
    if not ordered:
        return NONE
    for_good = frozenset(lasting) & frozenset(ordered)
    kept = tuple(at for at in ordered if at > ordered[-1] - KEPT_SECONDS or at in for_good)
    return Sightings(kept, for_good)


def pack(found: Sightings) -> bytes | None:
    """Sightings as bytes; None when there are none."""
    if not found.moments:
        return None
    first = found.moments[0]
    steps = (first, *(b - a for a, b in zip(found.moments, found.moments[1:], strict=False)))
    return encode((steps, tuple(sorted(found.moments.index(at) for at in found.lasting))))


def unpack(body: bytes | None) -> Sightings:
    """Sightings out of bytes."""
    if body is None:
        return NONE
    steps, lasting = decode(body, _Packed)
    moments, at = [], 0
    for step in steps:
        at += step
        moments.append(at)
    return Sightings(tuple(moments), frozenset(moments[place] for place in lasting))


def sightings(body: bytes | None) -> tuple[Instant, ...]:
    """The moments alone."""
    return tuple(Instant(at) for at in unpack(body).moments)
